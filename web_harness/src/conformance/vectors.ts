/** The conformance vectors, decoded by the core in this browser (docs/conformance.md).
 *
 * `index.txt` lists the files of the set with their hashes; a vector is a folder with `stream.pico` and
 * `vector.json`. Statuses, sizes and the hashes of z, scale indices and y of every tile are compared. Coding the
 * symbols again is not done here. */

import type { Fetcher } from '../bundle/bundle';
import type { Core } from '../core/core';
import { describe, PicoError } from '../errors';
import { settled } from '../settled';
import { describeStream, type Found } from './describe';

export interface Vector {
  name: string;
  description: string;
  model: string;
  stream_sha256: string;
  expect: Found;
}

export interface Outcome {
  name: string;
  description: string;
  tiles: number;
  /** Null when it passed. */
  difference: string | null;
}

const FETCHED_AHEAD = 8;

interface Index {
  version: number;
  files: Map<string, string>;
  names: string[];
}

/** The index of a set; throws `PicoError` when it is malformed. */
export function parseIndex(text: string): Index {
  const [head, set, ...lines] = text.trimEnd().split('\n');
  const version = /^set (\d+)$/.exec(set ?? '');
  const index: Index = { version: Number(version?.[1]), files: new Map(), names: [] };
  for (const line of lines) {
    const file = /^file ([0-9a-f]{64}) (\S+)$/.exec(line);
    const vector = /^vector ([a-z0-9-]+)$/.exec(line);
    if (file) index.files.set(file[2] as string, file[1] as string);
    else if (vector) index.names.push(vector[1] as string);
    else throw malformed();
  }
  if (head !== 'pico-vectors 1' || version === null || index.names.length === 0) throw malformed();
  return index;
}

const malformed = () =>
  new PicoError(
    'bad-vectors',
    'index.txt is not the index of a vector set; restore it from the release',
  );

/** Where what was found is not what the vector says; null when it is the same. */
export function difference({ expect }: Vector, found: Found): string | null {
  if (found.status !== expect.status) return `status ${found.status} instead of ${expect.status}`;
  for (const name of ['width', 'height', 'lanes', 'tiles_per_stream'] as const)
    if (found[name] !== (expect[name] ?? null))
      return `${name} is ${found[name]} instead of ${expect[name]}`;
  if (found.streams.length !== expect.streams.length)
    return `${found.streams.length} streams instead of ${expect.streams.length}`;
  for (const [number, stream] of expect.streams.entries()) {
    const got = found.streams[number] as (typeof found.streams)[number];
    if (got.status !== stream.status)
      return `stream ${number}: status ${got.status} instead of ${stream.status}`;
    for (const [i, tile] of stream.tiles.entries())
      for (const name of ['tile', 'level', 'z', 'indices', 'y'] as const)
        if (got.tiles[i]?.[name] !== tile[name])
          return `${name} of tile ${tile.tile} is ${got.tiles[i]?.[name]} instead of ${tile[name]}`;
  }
  return null;
}

/** Run all vectors below a fetcher, one after the other. */
export async function runVectors(
  core: Core,
  fetcher: Fetcher,
  report: (done: number, total: number, name: string) => void,
): Promise<{ version: number; suiteSha256: string; outcomes: Outcome[] }> {
  const text = await fetcher('index.txt');
  const index = parseIndex(new TextDecoder().decode(text));
  const read = async (path: string): Promise<Uint8Array> => {
    const data = await fetcher(path);
    if (core.sha256(data) !== index.files.get(path))
      throw new PicoError('bad-vectors', `${path} is not the file that index.txt lists`);
    return data;
  };
  const models = new Map<string, Promise<Uint8Array>>();
  const load = async (name: string): Promise<[Vector, Uint8Array, Uint8Array]> => {
    const [text, stream] = await Promise.all([
      read(`${name}/vector.json`),
      read(`${name}/stream.pico`),
    ]);
    const vector: Vector = JSON.parse(new TextDecoder().decode(text));
    const model = models.get(vector.model) ?? read(`models/${vector.model}.bin`);
    models.set(vector.model, model);
    return [vector, stream, await model];
  };
  const outcomes: Outcome[] = [];
  const coming = index.names.slice(0, FETCHED_AHEAD).map((name) => settled(load(name)));
  for (const [i, name] of index.names.entries()) {
    report(i, index.names.length, name);
    const [vector, stream, model] = await (coming.shift() as (typeof coming)[number])();
    const next = index.names[i + FETCHED_AHEAD];
    if (next !== undefined) coming.push(settled(load(next)));
    let found: string | null;
    try {
      found = difference(vector, await describeStream(core, model, stream));
    } catch (error) {
      found = describe(error).message;
    }
    const tiles = vector.expect.streams.reduce((sum, s) => sum + s.tiles.length, 0);
    outcomes.push({ name, description: vector.description, tiles, difference: found });
  }
  report(index.names.length, index.names.length, 'done');
  return { version: index.version, suiteSha256: core.sha256(text), outcomes };
}
