/** Encode and decode one picture again and again, every pass timed and checked. */

import * as abi from '../core/abi';
import { parse } from '../core/decoder';
import { type Group, groupsOf } from '../core/encoder';
import { toNanoseconds } from '../core/executor';
import { Grid, packedTensor } from '../core/model';
import { PicoError } from '../errors';
import type { Hashes, Operation } from '../generated/result';
import { decode, encode, type Parts } from '../runtime/codec';
import type { Observer } from '../runtime/observer';
import type { Picture } from '../runtime/picture';
import { type Apart, OperationRecorder, Spans } from './recorder';
import { firstDifference, SymbolRecorder } from './symbols';

const APART =
  'the core computes indices inside its entropy call; timed apart, right after the pass';

export interface BenchSettings {
  level: number;
  iterations: number;
  warmUpIterations: number;
}

export interface Measured {
  encode: Operation;
  decode: Operation;
  stream: Uint8Array;
  hashes: Hashes;
  notes: string[];
}

/** Called with (passes done, passes in all, what runs now). */
export type Doing = (done: number, total: number, what: string) => void;

/** Warm up, then timed passes of encode, then of decode.
 *
 * The first encode keeps the symbols; the first decode must give them back, and the same pixels must come out of
 * every decode. */
export async function bench(
  parts: Parts,
  picture: Picture,
  settings: BenchSettings,
  doing: Doing,
): Promise<Measured> {
  const { core } = parts.model;
  const { level, iterations } = settings;
  const warmUps = Math.max(1, settings.warmUpIterations);
  const total = 2 * (iterations + warmUps);
  let done = 0;
  const notes: string[] = [];
  const encoded = (watch: Observer) =>
    encode(parts, picture.rgb, picture.width, picture.height, level, watch);

  const emitted = new SymbolRecorder();
  let stream = new Uint8Array();
  for (let i = 0; i < warmUps; i++) {
    doing(done++, total, 'encode, warm-up');
    stream = new Uint8Array(await encoded(i === 0 ? emitted : {}));
  }
  const encoder = new OperationRecorder();
  let changed = 0;
  for (let i = 0; i < iterations; i++) {
    doing(done++, total, `encode ${i + 1}/${iterations}`);
    const spans = new Spans();
    const start = performance.now();
    const again = await encoded(spans);
    encoder.add(
      toNanoseconds(performance.now() - start),
      spans,
      await scaleIndices(parts, stream, emitted, level),
    );
    if (!equal(again, stream)) changed++;
  }
  if (changed > 0)
    notes.push(`${changed} of ${iterations} encodes gave another stream than the first one`);

  const decoded = new SymbolRecorder();
  let pixelsHash = '';
  for (let i = 0; i < warmUps; i++) {
    doing(done++, total, 'decode, warm-up');
    const { rgb } = await decode(parts, stream, i === 0 ? decoded : {});
    pixelsHash = core.sha256(rgb);
  }
  const difference = firstDifference(emitted, decoded);
  if (difference !== null)
    throw new PicoError(
      'verification-failed',
      `the decoder's symbols are not those of analysis: ${difference}`,
    );
  const decoder = new OperationRecorder();
  changed = 0;
  for (let i = 0; i < iterations; i++) {
    doing(done++, total, `decode ${i + 1}/${iterations}`);
    const spans = new Spans();
    const start = performance.now();
    const { rgb } = await decode(parts, stream, spans);
    decoder.add(
      toNanoseconds(performance.now() - start),
      spans,
      await scaleIndices(parts, stream, emitted, level),
    );
    if (core.sha256(rgb) !== pixelsHash) changed++;
  }
  if (changed > 0)
    notes.push(`${changed} of ${iterations} decodes gave other pixels than the first one`);
  doing(total, total, 'done');
  return {
    encode: encoder.operation(parts.analysis.readBack),
    decode: decoder.operation(parts.synthesis.readBack),
    stream,
    hashes: {
      emitted_symbols_sha256: emitted.sha256(core),
      decoded_symbols_sha256: decoded.sha256(core),
      stream_sha256: core.sha256(stream),
      decoded_pixels_sha256: pixelsHash,
    },
    notes,
  };
}

/** The integer network on every tile, a sample for each group of the stream. */
async function scaleIndices(
  parts: Parts,
  stream: Uint8Array,
  symbols: SymbolRecorder,
  level: number,
): Promise<Apart> {
  const { model } = parts;
  const { core, info } = model;
  const header = parse(core, stream);
  const mark = core.arena.mark();
  try {
    const grid = Grid.make(model, header.width, header.height);
    const z = core.arena.alloc(4 * model.zSize);
    const tensor = core.arena.alloc(abi.tensor.size);
    packedTensor(core, tensor, z, info.z_side);
    const index = core.arena.alloc(model.ySize);
    const scratchSize = model.scratch('pico_scale_memory');
    const scratch = core.arena.alloc(scratchSize);
    const fault = core.arena.alloc(abi.fault.size);
    const callsNs: number[] = [];
    for (const group of groupsOf(grid.tiles, header.layout.tiles_per_stream)) {
      let ns = 0;
      for (const tile of tilesOf(group)) {
        core.arena.f32(z, model.zSize).set(symbols.tiles[tile]?.z ?? []);
        ns += await core.heavy(
          'pico_scale_indices',
          [model.address, level, tensor, index, scratch, scratchSize],
          fault,
        );
      }
      callsNs.push(ns);
    }
    return { phase: 'scale_indices', partOf: 'entropy', note: APART, callsNs };
  } finally {
    core.arena.release(mark);
  }
}

const tilesOf = (group: Group): number[] =>
  Array.from({ length: group.count }, (_, i) => group.first + i);

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
