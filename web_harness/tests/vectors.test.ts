import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { difference, parseIndex, runVectors, type Vector } from '../src/conformance/vectors';
import { plainCore } from './plain_core';

const SET = new URL(process.env.PICO_VECTORS ?? '../../conformance/vectors/', import.meta.url);
const fetcher = async (path: string) => new Uint8Array(readFileSync(new URL(path, SET)));

describe('index', () => {
  const file = `file ${'a'.repeat(64)} models/one.bin`;

  test('lists files and vectors', () => {
    const index = parseIndex(`pico-vectors 1\nset 3\n${file}\nvector one\n`);
    expect([index.version, index.names]).toEqual([3, ['one']]);
    expect(index.files.get('models/one.bin')).toBe('a'.repeat(64));
  });

  test.each([
    '',
    'pico-vectors 2\nset 3\nvector one\n',
    'pico-vectors 1\nvector one\n',
    'pico-vectors 1\nset 3\n',
    'pico-vectors 1\nset 3\nvector one\nsomething else\n',
  ])('%j is refused', (text) => {
    expect(() => parseIndex(text)).toThrow('index.txt');
  });
});

describe('difference', () => {
  const tile = { tile: 0, level: 3, z: 'z', indices: 'i', y: 'y' };
  const expectation = {
    status: 'ok',
    width: 5,
    height: 4,
    lanes: 4,
    tiles_per_stream: 8,
    streams: [{ status: 'ok', tiles: [tile] }],
  };
  const vector = { expect: expectation } as Vector;

  test('is null for what was expected', () => {
    expect(difference(vector, structuredClone(expectation))).toBeNull();
  });

  test.each([
    [{ status: 'truncated' }, 'status truncated instead of ok'],
    [{ width: 6 }, 'width is 6 instead of 5'],
    [{ streams: [] }, '0 streams instead of 1'],
    [{ streams: [{ status: 'stream-damaged', tiles: [] }] }, 'stream 0: status'],
    [{ streams: [{ status: 'ok', tiles: [{ ...tile, y: 'other' }] }] }, 'y of tile 0'],
    [{ streams: [{ status: 'ok', tiles: [] }] }, 'tile of tile 0 is undefined'],
  ])('names %j', (change, message) => {
    expect(difference(vector, { ...expectation, ...change })).toContain(message);
  });
});

describe.skipIf(!existsSync(SET))('the vectors in conformance/', () => {
  test('all pass in the WebAssembly build of the core', async () => {
    const { outcomes } = await runVectors(await plainCore(), fetcher, () => {});
    expect(outcomes.filter((outcome) => outcome.difference !== null)).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(0);
  });

  test('an altered stream is not judged', async () => {
    const altered = async (path: string) => {
      const data = await fetcher(path);
      if (path.endsWith('/stream.pico') && data.length > 0) data[0] = 255 - (data[0] ?? 0);
      return data;
    };
    await expect(runVectors(await plainCore(), altered, () => {})).rejects.toThrow(
      'index.txt lists',
    );
  });

  test('a decoder that is wrong in one tile is found', async () => {
    const index = parseIndex(readFileSync(new URL('index.txt', SET), 'utf8'));
    const named = index.names.find((name) => !name.startsWith('bad-')) as string;
    const vector: Vector = JSON.parse(readFileSync(new URL(`${named}/vector.json`, SET), 'utf8'));
    const found = structuredClone(vector.expect);
    const tile = found.streams[0]?.tiles[0];
    if (tile) tile.y = '0'.repeat(64);
    expect(difference(vector, found)).toContain('y of tile');
  });
});
