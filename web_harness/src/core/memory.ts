/** The linear memory of the core. The library never allocates, so its caller does, here. */

import { PicoError } from '../errors';

const PAGE = 1 << 16;
/** As core/wasm/build.py links the module for threads. */
export const MAXIMUM_BYTES = 1 << 29;
const INITIAL_BYTES = 1 << 20;
const ALIGNMENT = 16;

export function sharedMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({
    initial: INITIAL_BYTES / PAGE,
    maximum: MAXIMUM_BYTES / PAGE,
    shared: true,
  });
}

/** Addresses handed out one after the other and taken back down to a mark. */
export class Arena {
  private next: number;

  constructor(
    readonly memory: WebAssembly.Memory,
    base: number,
  ) {
    this.next = base;
  }

  /** The address of `size` bytes, aligned to 16. */
  alloc(size: number): number {
    const address = Math.ceil(this.next / ALIGNMENT) * ALIGNMENT;
    const end = address + size;
    const missing = end - this.memory.buffer.byteLength;
    if (end > MAXIMUM_BYTES || (missing > 0 && !this.grow(missing)))
      throw new PicoError(
        'out-of-memory',
        `${Math.ceil(end / 1e6)} MB are needed and this page has at most ` +
          `${Math.floor(MAXIMUM_BYTES / 1e6)} MB; take a smaller photo or close other tabs`,
      );
    this.next = end;
    return address;
  }

  mark(): number {
    return this.next;
  }

  /** Everything allocated since the mark is free again. */
  release(mark: number): void {
    this.next = mark;
  }

  u8(address: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, length);
  }

  f32(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  /** Copy bytes in and give their address. */
  put(bytes: Uint8Array): number {
    const address = this.alloc(bytes.length);
    this.u8(address, bytes.length).set(bytes);
    return address;
  }

  /** A zero-terminated string of the library's. */
  text(address: number): string {
    const bytes = new Uint8Array(this.memory.buffer);
    const end = bytes.indexOf(0, address);
    return new TextDecoder().decode(bytes.slice(address, end));
  }

  private grow(bytes: number): boolean {
    try {
      this.memory.grow(Math.ceil(bytes / PAGE));
      return true;
    } catch {
      return false;
    }
  }
}
