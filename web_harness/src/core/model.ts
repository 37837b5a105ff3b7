/** The integer entropy model of a bundle, and the geometry of pictures under it. */

import { PicoError } from '../errors';
import * as abi from './abi';
import { type Core, toHex } from './core';
import type { Values } from './layout';

export type ModelInfo = Values<typeof abi.modelInfo.fields>;
export interface Extent {
  rows: number;
  columns: number;
}

export class Model {
  private constructor(
    readonly core: Core,
    readonly address: number,
    readonly info: ModelInfo,
  ) {}

  /** Check an entropy.bin and make its model. */
  static load(core: Core, entropyBin: Uint8Array): Model {
    const { arena, exports } = core;
    const data = arena.put(entropyBin);
    const flags = exports.pico_wasm_cpu_flags();
    const out = arena.alloc(4);
    const word = () => new DataView(arena.memory.buffer).getUint32(out, true);
    core.checked((fault) => exports.pico_model_memory(data, entropyBin.length, out, fault));
    const size = word();
    const memory = arena.alloc(size);
    core.checked((fault) =>
      exports.pico_model_init(data, entropyBin.length, flags, memory, size, out, fault),
    );
    const address = word();
    const info = arena.alloc(abi.modelInfo.size);
    core.checked(() => exports.pico_model_get_info(address, info));
    return new Model(core, address, abi.modelInfo.read(arena.memory, info));
  }

  get fingerprint(): string {
    return toHex(this.info.fingerprint);
  }

  get ySize(): number {
    return this.info.y_channels * this.info.y_side ** 2;
  }

  get zSize(): number {
    return this.info.z_channels * this.info.z_side ** 2;
  }

  /** Bytes of scratch memory that a query of the library names. */
  scratch(query: 'pico_decode_memory' | 'pico_scale_memory'): number {
    const mark = this.core.arena.mark();
    const out = this.core.arena.alloc(4);
    this.core.checked(() => this.core.exports[query](this.address, out));
    const size = new DataView(this.core.arena.memory.buffer).getUint32(out, true);
    this.core.arena.release(mark);
    return size;
  }
}

/** How a picture is cut into tiles. */
export class Grid {
  readonly tiles: number;
  readonly columns: number;
  readonly fields: Values<typeof abi.grid.fields>;

  constructor(
    readonly model: Model,
    readonly address: number,
  ) {
    this.fields = abi.grid.read(model.core.arena.memory, address);
    this.tiles = this.fields.tiles;
    this.columns = this.fields.columns;
  }

  /** Lives in the arena until the caller releases it. */
  static make(model: Model, width: number, height: number): Grid {
    const { core } = model;
    const address = core.arena.alloc(abi.grid.size);
    core.checked((fault) =>
      core.exports.pico_grid_init(model.address, width, height, address, fault),
    );
    return new Grid(model, address);
  }

  yValid(tile: number): Extent {
    return this.extent('pico_y_valid', tile);
  }

  zValid(tile: number): Extent {
    return this.extent('pico_z_valid', tile);
  }

  private extent(name: 'pico_y_valid' | 'pico_z_valid', tile: number): Extent {
    const { arena, exports } = this.model.core;
    const mark = arena.mark();
    const out = arena.alloc(abi.extent.size);
    exports[name](out, this.address, tile);
    const found = abi.extent.read(arena.memory, out);
    arena.release(mark);
    return found;
  }
}

/** 1 where an element is coded, 0 where it is void: `side` x `side`. */
export function mask(valid: Extent, side: number): Float32Array {
  const values = new Float32Array(side * side);
  for (let row = 0; row < valid.rows; row++) values.fill(1, row * side, row * side + valid.columns);
  return values;
}

/** Write a tensor descriptor for packed float32 [channels][side][side] at `data`. */
export function packedTensor(core: Core, at: number, data: number, side: number): void {
  abi.tensor.write(core.arena.memory, at, {
    data,
    element: abi.ELEMENT.float32,
    channel: 4 * side * side,
    row: 4 * side,
    column: 4,
  });
}

/** Symbols as int8; `PicoError` where a value is no integer within ±127. */
export function toInt8(values: Float32Array, what: string): Int8Array {
  const integers = Int8Array.from(values);
  for (let i = 0; i < values.length; i++) {
    if (integers[i] !== values[i])
      throw new PicoError(
        'verification-failed',
        `${what} holds ${values[i]}: no integer within ±127`,
      );
  }
  return integers;
}
