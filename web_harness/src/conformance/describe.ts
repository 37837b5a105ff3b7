/** What the core makes of a stream, in the words of a vector's expectation. */

import * as abi from '../core/abi';
import type { Core } from '../core/core';
import { Decoder } from '../core/decoder';
import type { Group, GroupSlot } from '../core/encoder';
import { Model, toInt8 } from '../core/model';
import { PicoError } from '../errors';

/** A decoded tile; z, indices and y as hashes. */
export interface DecodedTile {
  tile: number;
  level: number;
  z: string;
  indices: string;
  y: string;
}

export interface Found {
  status: string;
  width: number | null;
  height: number | null;
  lanes: number | null;
  tiles_per_stream: number | null;
  streams: { status: string; tiles: DecodedTile[] }[];
}

/** The status of an error of the core; anything else is thrown on. */
function statusOf(error: unknown): string {
  if (error instanceof PicoError && error.status !== '') return error.status;
  throw error;
}

export async function describeStream(
  core: Core,
  entropyBin: Uint8Array,
  stream: Uint8Array,
): Promise<Found> {
  const mark = core.arena.mark();
  try {
    const decoder = new Decoder(Model.load(core, entropyBin), stream, 1);
    const streams = [];
    for (const group of decoder.groups) streams.push(await describeGroup(decoder, group));
    const { width, height, layout } = decoder.image;
    const status = streams.find((s) => s.status !== 'ok')?.status ?? 'ok';
    return { status, width, height, ...layout, streams };
  } catch (error) {
    const refused = { width: null, height: null, lanes: null, tiles_per_stream: null, streams: [] };
    return { status: statusOf(error), ...refused };
  } finally {
    core.arena.release(mark);
  }
}

async function describeGroup(decoder: Decoder, group: Group): Promise<Found['streams'][number]> {
  const slot = decoder.slots[0] as GroupSlot;
  try {
    await decoder.decode(group, slot);
  } catch (error) {
    return { status: statusOf(error), tiles: [] };
  }
  const tiles = [];
  for (let i = 0; i < group.count; i++)
    tiles.push(await describeTile(decoder, group.first + i, slot, i));
  return { status: 'ok', tiles };
}

async function describeTile(
  decoder: Decoder,
  tile: number,
  slot: GroupSlot,
  i: number,
): Promise<DecodedTile> {
  const { model } = decoder;
  const { core } = model;
  const level = decoder.level(tile);
  const mark = core.arena.mark();
  try {
    const index = core.arena.alloc(model.ySize);
    const size = model.scratch('pico_scale_memory');
    const scratch = core.arena.alloc(size);
    const fault = core.arena.alloc(abi.fault.size);
    const z = slot.zTensors + i * abi.tensor.size;
    await core.heavy('pico_scale_indices', [model.address, level, z, index, scratch, size], fault);
    const hash = (address: number, length: number, what: string): string =>
      core.sha256(new Uint8Array(toInt8(core.arena.f32(address, length), what).buffer));
    return {
      tile,
      level,
      z: hash(slot.z[i] as number, model.zSize, 'z'),
      indices: core.sha256(core.arena.u8(index, model.ySize)),
      y: hash(slot.y[i] as number, model.ySize, 'y'),
    };
  } finally {
    core.arena.release(mark);
  }
}
