/** `.pico` -> symbols, a group of tiles at a time. */

import { PicoError } from '../errors';
import * as abi from './abi';
import { type Core, toHex } from './core';
import { allocateSlot, type Group, type GroupSlot, groupsOf } from './encoder';
import type { Values } from './layout';
import { Grid, type Model } from './model';

export type ImageHeader = Values<typeof abi.image.fields>;

/** The header of a file; needs no model. */
export function parse(core: Core, file: Uint8Array): ImageHeader {
  const mark = core.arena.mark();
  try {
    const data = core.arena.put(file);
    const image = core.arena.alloc(abi.image.size);
    core.checked((fault) => core.exports.pico_parse(data, file.length, image, fault));
    return abi.image.read(core.arena.memory, image);
  } finally {
    core.arena.release(mark);
  }
}

export class Decoder {
  readonly image: ImageHeader;
  readonly grid: Grid;
  readonly groups: Group[];
  readonly slots: GroupSlot[];
  private readonly data: number;
  private readonly imageAddress: number;
  private readonly streams: number;
  private readonly mark: number;

  constructor(
    readonly model: Model,
    private readonly file: Uint8Array,
    slots: number,
  ) {
    this.mark = model.core.arena.mark();
    try {
      this.data = model.core.arena.put(file);
      this.imageAddress = this.readHeader();
      this.image = abi.image.read(model.core.arena.memory, this.imageAddress);
      this.checkModel();
      this.streams = this.readDirectory();
      this.grid = Grid.make(model, this.image.width, this.image.height);
      const perStream = this.image.layout.tiles_per_stream;
      this.groups = groupsOf(this.image.tiles, perStream);
      const scratch = model.scratch('pico_decode_memory');
      this.slots = Array.from({ length: Math.min(slots, this.groups.length) }, () =>
        allocateSlot(model, Math.min(perStream, this.image.tiles), scratch),
      );
    } catch (error) {
      this.close();
      throw error;
    }
  }

  level(tile: number): number {
    return this.model.core.exports.pico_tile_level(this.data, this.imageAddress, tile);
  }

  /** Decode a group into a slot, as float32; gives the core's time. */
  decode(group: Group, slot: GroupSlot): Promise<number> {
    const { core } = this.model;
    return core.heavy(
      'pico_decode_stream',
      [
        ...[this.model.address, this.data, this.file.length, this.imageAddress, group.index],
        ...[this.streams + group.index * abi.entry.size, slot.zTensors, slot.yTensors],
        ...[slot.scratch, slot.scratchSize],
      ],
      slot.fault,
      `stream ${group.index} (tiles ${group.first} to ${group.first + group.count - 1}): `,
    );
  }

  close(): void {
    this.model.core.arena.release(this.mark);
  }

  private readHeader(): number {
    const { core } = this.model;
    const image = core.arena.alloc(abi.image.size);
    core.checked((fault) => core.exports.pico_parse(this.data, this.file.length, image, fault));
    return image;
  }

  private checkModel(): void {
    const { core, address, fingerprint } = this.model;
    const madeWith = toHex(this.image.entropy_fingerprint);
    if (madeWith !== fingerprint)
      throw new PicoError(
        'wrong-model',
        `the stream was made with entropy model ${madeWith}, the bundle holds ${fingerprint}; ` +
          'use the bundle it was made with',
        'wrong-model',
      );
    core.checked((fault) =>
      core.exports.pico_model_check(address, this.data, this.imageAddress, fault),
    );
  }

  private readDirectory(): number {
    const { core } = this.model;
    const chunks = core.arena.alloc(this.image.chunks * abi.entry.size);
    const streams = core.arena.alloc(this.image.streams * abi.entry.size);
    core.checked(() =>
      core.exports.pico_directory(this.data, this.file.length, this.imageAddress, chunks, streams),
    );
    return streams;
  }
}
