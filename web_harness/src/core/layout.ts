/** C structs of wasm32 as plain objects: natural alignment, little endian, pointers of 32 bits. */

export type Scalar = 'u8' | 'u32' | 'i32' | 'i64' | 'u64';
export type Field = Scalar | { bytes: number } | Struct<Shape>;
export type Shape = { readonly [name: string]: Field };

type ValueOf<F> = F extends 'i64' | 'u64'
  ? bigint
  : F extends Scalar
    ? number
    : F extends { bytes: number }
      ? Uint8Array
      : F extends Struct<infer S>
        ? Values<S>
        : never;
export type Values<S extends Shape> = { -readonly [K in keyof S]: ValueOf<S[K]> };

/** A WebAssembly.Memory. Not its buffer: that is another one after the memory has grown, which making the
 * values to be written may bring about. */
export interface Memory {
  readonly buffer: ArrayBufferLike;
}

const SIZES: Record<Scalar, number> = { u8: 1, u32: 4, i32: 4, i64: 8, u64: 8 };

function sizeAndAlignment(field: Field): [number, number] {
  if (typeof field === 'string') return [SIZES[field], SIZES[field]];
  if (field instanceof Struct) return [field.size, field.alignment];
  return [field.bytes, 1];
}

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** A struct with the offsets a C compiler gives it. */
export class Struct<S extends Shape> {
  readonly offsets: { readonly [K in keyof S]: number };
  readonly size: number;
  readonly alignment: number;

  constructor(readonly fields: S) {
    const offsets: Record<string, number> = {};
    let end = 0;
    let alignment = 1;
    for (const [name, field] of Object.entries(fields)) {
      const [size, align] = sizeAndAlignment(field);
      offsets[name] = roundUp(end, align);
      end = roundUp(end, align) + size;
      alignment = Math.max(alignment, align);
    }
    this.offsets = offsets as { readonly [K in keyof S]: number };
    this.alignment = alignment;
    this.size = roundUp(end, alignment);
  }

  /** The struct at an address of the memory. Arrays of bytes are copies. */
  read(memory: Memory, address: number): Values<S> {
    const view = new DataView(memory.buffer);
    const values: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(this.fields)) {
      const at = address + (this.offsets[name] as number);
      values[name] = readField(view, at, field);
    }
    return values as Values<S>;
  }

  /** Write all fields. */
  write(memory: Memory, address: number, values: Values<S>): void {
    const view = new DataView(memory.buffer);
    for (const [name, field] of Object.entries(this.fields)) {
      const at = address + (this.offsets[name] as number);
      writeField(view, at, field, (values as Record<string, unknown>)[name]);
    }
  }
}

function readField(view: DataView, at: number, field: Field): unknown {
  if (field === 'u8') return view.getUint8(at);
  if (field === 'u32') return view.getUint32(at, true);
  if (field === 'i32') return view.getInt32(at, true);
  if (field === 'i64') return view.getBigInt64(at, true);
  if (field === 'u64') return view.getBigUint64(at, true);
  if (field instanceof Struct) return field.read(view, at);
  return new Uint8Array(view.buffer, at, field.bytes).slice();
}

function writeField(view: DataView, at: number, field: Field, value: unknown): void {
  if (field === 'u8') view.setUint8(at, value as number);
  else if (field === 'u32') view.setUint32(at, value as number, true);
  else if (field === 'i32') view.setInt32(at, value as number, true);
  else if (field === 'i64') view.setBigInt64(at, value as bigint, true);
  else if (field === 'u64') view.setBigUint64(at, value as bigint, true);
  else if (field instanceof Struct) field.write(view, at, value as Values<Shape>);
  else new Uint8Array(view.buffer, at, field.bytes).set(value as Uint8Array);
}
