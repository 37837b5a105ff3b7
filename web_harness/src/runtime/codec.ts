/** Encode and decode a picture: the core works on one tile while the runtime works on another. */

import type { Bundle } from '../bundle/bundle';
import * as abi from '../core/abi';
import { toHex } from '../core/core';
import { Decoder } from '../core/decoder';
import { Encoder, type GroupSlot } from '../core/encoder';
import { type Model, mask, packedTensor } from '../core/model';
import { PicoError } from '../errors';
import { settled } from '../settled';
import type { Observer } from './observer';
import type { OnnxPart } from './onnx';

/** Everything that is loaded once. */
export interface Parts {
  bundle: Bundle;
  model: Model;
  analysis: OnnxPart;
  synthesis: OnnxPart;
}

/** One tile's pixels in the core's memory. */
interface TileSlot {
  pixels: number;
  tensor: number;
  fault: number;
}

/** One group is coded while the symbols of the next are collected. */
const ENCODE_SLOTS = 2;

/** One group is with the runtime while others are decoded: as many as there are threads, within reason. */
function decodeSlots(model: Model): number {
  return 1 + Math.min(2, model.core.executor.width);
}

function tileSlots(model: Model, count: number): TileSlot[] {
  const { core, info } = model;
  return Array.from({ length: count }, () => {
    const pixels = core.arena.alloc(4 * 3 * info.tile ** 2);
    const tensor = core.arena.alloc(abi.tensor.size);
    packedTensor(core, tensor, pixels, info.tile);
    return { pixels, tensor, fault: core.arena.alloc(abi.fault.size) };
  });
}

function frame(model: Model, width: number, height: number): { rows: number; data: number } {
  const { arena } = model.core;
  const data = arena.alloc(3 * width * height);
  const rows = arena.alloc(abi.rows.size);
  abi.rows.write(arena.memory, rows, {
    data,
    first_row: 0,
    rows: height,
    stride: 3 * width,
  });
  return { rows, data };
}

function anchors(parts: Parts, level: number): Float32Array {
  const row = parts.bundle.manifest.anchor_table[level];
  if (row === undefined)
    throw new PicoError(
      'usage',
      `level ${level} does not exist; the bundle has 0 to ${parts.model.info.levels - 1}`,
    );
  return Float32Array.from(row);
}

/** Encode 8-bit RGB at one level. */
export async function encode(
  parts: Parts,
  rgb: Uint8Array,
  width: number,
  height: number,
  level: number,
  watch: Observer = {},
): Promise<Uint8Array> {
  const { model } = parts;
  const { core, info } = model;
  const weights = anchors(parts, level);
  const encoder = new Encoder(
    model,
    width,
    height,
    level,
    parts.bundle.manifest.pixel_fingerprint,
    ENCODE_SLOTS,
  );
  try {
    const { grid } = encoder;
    const source = frame(model, width, height);
    core.arena.u8(source.data, rgb.length).set(rgb);
    const tiles = tileSlots(model, 2);

    const prepare = async (tile: number): Promise<Float32Array> => {
      const slot = tiles[tile % tiles.length] as TileSlot;
      const args = [model.address, grid.address, tile, source.rows, slot.tensor];
      const ns = await core.heavy('pico_tile_from_pixels', args, slot.fault);
      watch.span?.('pixels_in', ns);
      return core.arena.f32(slot.pixels, 3 * info.tile ** 2);
    };
    let coding: Promise<void> = Promise.resolve();
    let ahead = settled(prepare(0));
    for (const group of encoder.groups) {
      const slot = encoder.slots[group.index % encoder.slots.length] as GroupSlot;
      for (let i = 0; i < group.count; i++) {
        const tile = group.first + i;
        const x = await ahead();
        if (tile + 1 < grid.tiles) ahead = settled(prepare(tile + 1));
        const { outputs, ns, readBackNs } = await parts.analysis.run({
          x,
          anchors: weights,
          y_mask: mask(grid.yValid(tile), info.y_side),
          z_mask: mask(grid.zValid(tile), info.z_side),
        });
        watch.span?.('analysis', ns);
        if (readBackNs !== null) watch.span?.('read_back', readBackNs);
        const { z, y } = outputs as { z: Float32Array; y: Float32Array };
        watch.symbols?.(tile, z, y);
        core.arena.f32(slot.z[i] as number, model.zSize).set(z);
        core.arena.f32(slot.y[i] as number, model.ySize).set(y);
        watch.progress?.(tile + 1, grid.tiles);
      }
      // one after the other, so a slot that comes round again is free
      await coding;
      coding = encoder.code(group, slot).then((ns) => watch.span?.('entropy', ns));
      coding.catch(() => {}); // it is awaited below or in the next turn
    }
    await coding;
    return encoder.finish();
  } finally {
    encoder.close();
  }
}

export interface Decoded {
  width: number;
  height: number;
  level: number;
  rgb: Uint8Array;
}

/** Decode a whole file. */
export async function decode(
  parts: Parts,
  file: Uint8Array,
  watch: Observer = {},
): Promise<Decoded> {
  const { model } = parts;
  const { core } = model;
  const decoder = openStream(parts, file, decodeSlots(model));
  try {
    const { grid, groups } = decoder;
    const { width, height } = decoder.image;
    const target = frame(model, width, height);
    const tiles = tileSlots(model, 2);
    const nan = core.arena.alloc(8);
    new DataView(core.arena.memory.buffer).setBigUint64(nan, 0n, true);

    const symbols = async (index: number): Promise<GroupSlot> => {
      const slot = decoder.slots[index % decoder.slots.length] as GroupSlot;
      const group = groups[index] as (typeof groups)[number];
      const ns = await decoder.decode(group, slot);
      watch.span?.('entropy', ns);
      return slot;
    };
    const write = async (tile: number, pixels: Float32Array): Promise<void> => {
      const slot = tiles[tile % tiles.length] as TileSlot;
      core.arena.f32(slot.pixels, pixels.length).set(pixels);
      const args = [model.address, grid.address, tile, slot.tensor, target.rows, nan];
      const ns = await core.heavy('pico_tile_to_pixels', args, slot.fault);
      watch.span?.('pixels_out', ns);
    };
    const lead = decoder.slots.length - 1;
    const ahead = groups.slice(0, Math.max(1, lead)).map((group) => settled(symbols(group.index)));
    let writing: Promise<void> = Promise.resolve();
    for (const group of groups) {
      const slot = await (ahead.shift() as () => Promise<GroupSlot>)();
      const next = group.index + lead;
      if (lead > 0 && next < groups.length) ahead.push(settled(symbols(next)));
      for (let i = 0; i < group.count; i++) {
        const tile = group.first + i;
        const z = core.arena.f32(slot.z[i] as number, model.zSize).slice();
        const y = core.arena.f32(slot.y[i] as number, model.ySize).slice();
        watch.symbols?.(tile, z, y);
        const { outputs, ns, readBackNs } = await parts.synthesis.run({
          z,
          y,
          anchors: anchors(parts, decoder.level(tile)),
        });
        watch.span?.('synthesis', ns);
        if (readBackNs !== null) watch.span?.('read_back', readBackNs);
        await writing;
        writing = write(tile, outputs.x_hat as Float32Array);
        writing.catch(() => {}); // it is awaited below or in the next turn
        watch.progress?.(tile + 1, grid.tiles);
      }
    }
    await writing;
    const invalid = new DataView(core.arena.memory.buffer).getBigUint64(nan, true);
    if (invalid > 0n)
      throw new PicoError(
        'verification-failed',
        `${invalid} decoded samples are not numbers: synthesis does not run correctly here; ` +
          'choose the other runtime',
      );
    const rgb = core.arena.u8(target.data, 3 * width * height).slice();
    return { width, height, level: decoder.level(0), rgb };
  } finally {
    decoder.close();
  }
}

/** Check a stream against the bundle and open it; the caller closes it. */
export function openStream(parts: Parts, file: Uint8Array, slots: number): Decoder {
  const decoder = new Decoder(parts.model, file, slots);
  const found = toHex(decoder.image.pixel_fingerprint);
  const expected = parts.bundle.manifest.pixel_fingerprint;
  if (found !== expected) {
    decoder.close();
    throw new PicoError(
      'wrong-model',
      `the stream was made for synthesis weights ${found}, the bundle holds ${expected}; ` +
        'use the bundle it was made with',
    );
  }
  return decoder;
}
