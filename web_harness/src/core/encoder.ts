/** Symbols -> `.pico`. Groups of tiles are coded on the executor; the file is put together at the end. */

import * as abi from './abi';
import { fromHex } from './core';
import { Grid, type Model, packedTensor } from './model';

export interface Group {
  index: number;
  first: number;
  count: number;
}

/** Tiles of each stream, in order. */
export function groupsOf(tiles: number, perStream: number): Group[] {
  const groups: Group[] = [];
  for (let first = 0; first < tiles; first += perStream)
    groups.push({ index: groups.length, first, count: Math.min(perStream, tiles - first) });
  return groups;
}

/** Memory for the symbols of one group, and for coding it. */
export interface GroupSlot {
  z: number[];
  y: number[];
  zTensors: number;
  yTensors: number;
  scratch: number;
  scratchSize: number;
  fault: number;
}

export function allocateSlot(model: Model, tiles: number, scratchSize: number): GroupSlot {
  const { arena } = model.core;
  const z = Array.from({ length: tiles }, () => arena.alloc(4 * model.zSize));
  const y = Array.from({ length: tiles }, () => arena.alloc(4 * model.ySize));
  const slot: GroupSlot = {
    z,
    y,
    zTensors: arena.alloc(tiles * abi.tensor.size),
    yTensors: arena.alloc(tiles * abi.tensor.size),
    scratch: arena.alloc(scratchSize),
    scratchSize,
    fault: arena.alloc(abi.fault.size),
  };
  for (let i = 0; i < tiles; i++) {
    const at = i * abi.tensor.size;
    packedTensor(model.core, slot.zTensors + at, z[i] as number, model.info.z_side);
    packedTensor(model.core, slot.yTensors + at, y[i] as number, model.info.y_side);
  }
  return slot;
}

export class Encoder {
  readonly grid: Grid;
  readonly groups: Group[];
  readonly slots: GroupSlot[];
  private readonly layout: number;
  private readonly levels: number;
  private readonly capacity: number;
  private readonly out: number;
  private readonly outSize: number;
  private readonly streams: Uint8Array[] = [];
  private readonly mark: number;

  /** `slots`: groups whose symbols can be held at the same time. */
  constructor(
    readonly model: Model,
    width: number,
    height: number,
    level: number,
    private readonly pixelFingerprint: string,
    slots: number,
  ) {
    const { core } = model;
    const { arena, exports } = core;
    this.mark = arena.mark();
    this.grid = Grid.make(model, width, height);
    this.layout = arena.alloc(abi.layout.size);
    exports.pico_layout_default(this.layout, this.grid.tiles);
    const { tiles_per_stream } = abi.layout.read(arena.memory, this.layout);
    this.groups = groupsOf(this.grid.tiles, tiles_per_stream);
    this.levels = arena.put(new Uint8Array(this.grid.tiles).fill(level));
    const sizes = arena.alloc(8);
    core.checked(() =>
      exports.pico_encode_memory(model.address, this.grid.address, this.layout, sizes, sizes + 4),
    );
    const view = new DataView(arena.memory.buffer);
    const scratch = view.getUint32(sizes, true);
    this.capacity = view.getUint32(sizes + 4, true);
    this.slots = Array.from({ length: slots }, () =>
      allocateSlot(model, Math.min(tiles_per_stream, this.grid.tiles), scratch),
    );
    this.out = arena.alloc(this.capacity);
    this.outSize = arena.alloc(4);
  }

  /** Code the symbols that stand in a slot; gives the core's time. One at a time. */
  async code(group: Group, slot: GroupSlot): Promise<number> {
    const { core } = this.model;
    const ns = await core.heavy(
      'pico_encode_stream',
      [
        ...[this.model.address, this.grid.address, this.layout, this.levels, group.index],
        ...[abi.SKIP_AUTO, slot.zTensors, slot.yTensors, slot.scratch, slot.scratchSize],
        ...[this.out, this.capacity, this.outSize],
      ],
      slot.fault,
      `tiles ${group.first} to ${group.first + group.count - 1}: `,
    );
    const size = new DataView(core.arena.memory.buffer).getUint32(this.outSize, true);
    this.streams[group.index] = core.arena.u8(this.out, size).slice();
    return ns;
  }

  /** The whole file. */
  finish(): Uint8Array {
    const { core } = this.model;
    const { arena, exports } = core;
    const spans = arena.alloc(this.streams.length * abi.span.size);
    this.streams.forEach((stream, i) => {
      abi.span.write(arena.memory, spans + i * abi.span.size, {
        data: arena.put(stream),
        size: stream.length,
      });
    });
    const file = arena.alloc(abi.file.size);
    abi.file.write(arena.memory, file, {
      entropy_fingerprint: this.model.info.fingerprint,
      pixel_fingerprint: fromHex(this.pixelFingerprint),
      grid: this.grid.fields,
      layout: abi.layout.read(arena.memory, this.layout),
      levels: this.levels,
      chunks: 0,
      chunk_count: 0,
      streams: spans,
    });
    const size = arena.alloc(4);
    const word = () => new DataView(arena.memory.buffer).getUint32(size, true);
    core.checked((fault) => exports.pico_file_size(file, size, fault));
    const capacity = word();
    const out = arena.alloc(capacity);
    const model = this.model.address;
    core.checked((fault) => exports.pico_file_write(model, file, out, capacity, size, fault));
    return arena.u8(out, word()).slice();
  }

  close(): void {
    this.model.core.arena.release(this.mark);
  }
}
