import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Core } from '../src/core/core';
import { Decoder, parse } from '../src/core/decoder';
import { Encoder, type GroupSlot } from '../src/core/encoder';
import { Model, mask } from '../src/core/model';
import { plainCore } from './plain_core';

const MODEL = new URL(
  'models/conformance-conv.bin',
  new URL(process.env.PICO_VECTORS ?? '../../conformance/vectors/', import.meta.url),
);
const WIDTH = 700;
const HEIGHT = 90;

/** Symbols that fill the part of a tile that is not void. */
function symbols(model: Model, tile: number, channels: number, side: number, valid: Float32Array) {
  const limit = Math.min(model.info.z_max, 5);
  return Float32Array.from({ length: channels * side * side }, (_, i) => {
    const value = ((i * 7 + tile) % (2 * limit + 1)) - limit;
    return (valid[i % (side * side)] as number) === 1 ? value : 0;
  });
}

describe.skipIf(!existsSync(MODEL))('the core in WebAssembly', () => {
  let core: Core;
  let model: Model;
  const sent: { z: Float32Array; y: Float32Array }[] = [];

  beforeAll(async () => {
    core = await plainCore();
    model = Model.load(core, new Uint8Array(readFileSync(MODEL)));
  });

  async function encode(break_: (slot: GroupSlot) => void = () => {}): Promise<Uint8Array> {
    const { info } = model;
    const encoder = new Encoder(model, WIDTH, HEIGHT, 3, '0123456789abcdef', 2);
    try {
      for (const group of encoder.groups) {
        const slot = encoder.slots[group.index % 2] as GroupSlot;
        for (let i = 0; i < group.count; i++) {
          const tile = group.first + i;
          const zValid = mask(encoder.grid.zValid(tile), info.z_side);
          const yValid = mask(encoder.grid.yValid(tile), info.y_side);
          const z = symbols(model, tile, info.z_channels, info.z_side, zValid);
          const y = symbols(model, tile, info.y_channels, info.y_side, yValid);
          sent[tile] = { z, y };
          core.arena.f32(slot.z[i] as number, z.length).set(z);
          core.arena.f32(slot.y[i] as number, y.length).set(y);
        }
        break_(slot);
        await encoder.code(group, slot);
      }
      return encoder.finish();
    } finally {
      encoder.close();
    }
  }

  test('symbols come back, every one', async () => {
    const decoder = new Decoder(model, await encode(), 1);
    expect([decoder.image.width, decoder.image.height]).toEqual([WIDTH, HEIGHT]);
    for (const group of decoder.groups) {
      const slot = decoder.slots[0] as GroupSlot;
      await decoder.decode(group, slot);
      for (let i = 0; i < group.count; i++) {
        const { z, y } = sent[group.first + i] as { z: Float32Array; y: Float32Array };
        expect(core.arena.f32(slot.z[i] as number, z.length)).toEqual(z);
        expect(core.arena.f32(slot.y[i] as number, y.length)).toEqual(y);
        expect(decoder.level(group.first + i)).toBe(3);
      }
    }
    decoder.close();
  });

  test('a symbol that is no integer is an error, never rounded', async () => {
    const half = (slot: GroupSlot) => core.arena.f32(slot.y[0] as number, 1).fill(0.5);
    await expect(encode(half)).rejects.toThrow('must round it');
  });

  test('memory is given back, also after an error', async () => {
    const before = core.arena.mark();
    await encode();
    expect(() => new Decoder(model, new Uint8Array(9), 1)).toThrow();
    expect(core.arena.mark()).toBe(before);
  });

  test.each([
    ['', 'not a .pico file'],
    ['not a stream of this codec at all', 'not a .pico file'],
  ])('%j is refused with what to try', (text, message) => {
    expect(() => parse(core, new TextEncoder().encode(text))).toThrow(message);
  });

  test('a damaged group is named by its tiles', async () => {
    const stream = await encode();
    stream[stream.length - 10] = 255 - (stream[stream.length - 10] as number);
    const decoder = new Decoder(model, stream, 1);
    const last = decoder.groups[decoder.groups.length - 1] as (typeof decoder.groups)[number];
    await expect(decoder.decode(last, decoder.slots[0] as GroupSlot)).rejects.toThrow(
      /tiles \d+ to/,
    );
    decoder.close();
  });

  test('a photo that is too large is refused before anything is allocated', () => {
    expect(() => core.arena.alloc(2 ** 30)).toThrow('take a smaller photo');
  });

  test('SHA-256 is the one of the standard', () => {
    expect(core.sha256(new TextEncoder().encode('abc'))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});
