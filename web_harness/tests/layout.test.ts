import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as abi from '../src/core/abi';
import { Struct } from '../src/core/layout';

const NAMES: Record<string, string> = { modelInfo: 'model_info' };
const structs = Object.entries(abi).filter(
  (pair): pair is [string, Struct<never>] => pair[1] instanceof Struct,
);

/** What native/abi.c makes the compiler prove: size of each struct, offset of each member. */
function proved(): Map<string, number> {
  const text = readFileSync(new URL('../native/abi.c', import.meta.url), 'utf8');
  const facts = new Map<string, number>();
  for (const [, type, bytes] of text.matchAll(/^SIZE\((\w+), (\d+)\)/gm))
    facts.set(type as string, Number(bytes));
  for (const [, type, member, bytes] of text.matchAll(/^AT\((\w+), (\w+), (\d+)\)/gm))
    facts.set(`${type}.${member}`, Number(bytes));
  return facts;
}

describe('structs of pico.h', () => {
  test.each(structs)(
    '%s has the size and offsets that the compiler was asked about',
    (name, struct) => {
      const facts = proved();
      const type = `pico_${NAMES[name] ?? name}`;
      expect(facts.get(type)).toBe(struct.size);
      for (const [member, offset] of Object.entries(struct.offsets))
        expect([member, facts.get(`${type}.${member}`)]).toEqual([member, offset]);
    },
  );

  test('a member that moves is noticed', () => {
    const moved = new Struct({ rows: 'u8', columns: 'u32', more: 'u8' });
    expect(proved().get('pico_extent')).not.toBe(moved.size);
  });
});

describe('Struct', () => {
  const inner = new Struct({ a: 'u8', b: 'i32' });
  const outer = new Struct({ tag: { bytes: 3 }, inner, big: 'i64', flag: 'u8' });

  test('aligns members as C does', () => {
    expect(outer.offsets).toEqual({ tag: 0, inner: 4, big: 16, flag: 24 });
    expect([outer.size, outer.alignment]).toEqual([32, 8]);
  });

  test('reads what it wrote', () => {
    const memory = { buffer: new ArrayBuffer(64) };
    const values = {
      tag: new Uint8Array([1, 2, 3]),
      inner: { a: 200, b: -5 },
      big: -(2n ** 40n),
      flag: 1,
    };
    outer.write(memory, 8, values);
    expect(outer.read(memory, 8)).toEqual(values);
    expect(new DataView(memory.buffer).getInt32(8 + 4 + 4, true)).toBe(-5);
  });

  test('writes into memory that grew while its values were made', () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const grow = () => memory.grow(1);
    inner.write(memory, 0, { a: grow(), b: 7 });
    expect(inner.read(memory, 0)).toEqual({ a: 1, b: 7 });
  });
});
