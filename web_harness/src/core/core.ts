/** libpico in this page: loaded once, its statuses as errors. */

import { PicoError } from '../errors';
import * as abi from './abi';
import { type Executor, InlineExecutor, WorkerPool } from './executor';
import { type CoreExports, type Heavy, instantiate } from './exports';
import type { Values } from './layout';
import { Arena, sharedMemory } from './memory';

const STACK_BYTES = 1 << 18;

const CODES: Record<string, string> = {
  argument: 'usage',
  'buffer-too-small': 'usage',
  'symbol-not-integer': 'usage',
  'symbol-out-of-range': 'usage',
  'symbol-in-void': 'usage',
  'wrong-model': 'wrong-model',
};

export interface CoreFiles {
  plain: string;
  threads: string;
}

/** A status as an error: what was wrong, then the library's sentence of what to try. */
export function statusError(
  name: string,
  text: string,
  what: string,
  detail: Values<typeof abi.fault.fields>,
  place = '',
): PicoError {
  const code = CODES[name] ?? (name.startsWith('model-') ? 'bad-bundle' : 'bad-stream');
  if (what === '') return new PicoError(code, place + text, name);
  const numbers =
    detail.expected !== 0n
      ? `: found ${detail.found}, expected ${detail.expected}`
      : detail.found !== 0n
        ? `: ${detail.found}`
        : '';
  return new PicoError(code, `${place}${what}${numbers}. ${text}`, name);
}

export class Core {
  readonly arena: Arena;
  private readonly fault: number;

  private constructor(
    readonly exports: CoreExports,
    readonly executor: Executor,
    arena: Arena,
    /** Why the pool is not there; empty when it is. */
    readonly singleThreadReason: string,
  ) {
    this.arena = arena;
    this.fault = arena.alloc(abi.fault.size);
  }

  /** Start the library with up to `threads` workers, or on this thread alone where the page may not share. */
  static async start(files: CoreFiles, threads: number): Promise<Core> {
    const reason = whyNotThreads(threads);
    const module = await compile(reason === '' ? files.threads : files.plain);
    const memory = reason === '' ? sharedMemory() : null;
    const exports = await instantiate(module, memory);
    const arena = new Arena(memory ?? exports.memory, exports.__heap_base.value as number);
    const executor = memory
      ? await WorkerPool.start(
          module,
          memory,
          Array.from({ length: threads }, () => arena.alloc(STACK_BYTES) + STACK_BYTES),
        )
      : new InlineExecutor(exports);
    return new Core(exports, executor, arena, reason);
  }

  /** Name of the kernels in use. */
  get kernels(): string {
    return this.arena.text(this.exports.pico_kernels_name(this.exports.pico_wasm_cpu_flags()));
  }

  /** Call a function whose last argument is a fault; anything but success throws. */
  checked(call: (fault: number) => number, place = ''): void {
    this.arena.u8(this.fault, abi.fault.size).fill(0);
    this.check(call(this.fault), this.fault, place);
  }

  /** Run a heavy function, with a fault of its own as last argument; gives its time in nanoseconds. */
  async heavy(name: Heavy, args: number[], fault: number, place = ''): Promise<number> {
    this.arena.u8(fault, abi.fault.size).fill(0);
    const { status, ns } = await this.executor.run(name, [...args, fault]);
    this.check(status, fault, place);
    return ns;
  }

  /** SHA-256 in hexadecimal; works where crypto.subtle does not, on a page that came over plain HTTP. */
  sha256(...parts: Uint8Array[]): string {
    const mark = this.arena.mark();
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    const data = this.arena.alloc(size);
    let at = data;
    for (const part of parts) {
      this.arena.u8(at, part.length).set(part);
      at += part.length;
    }
    const digest = this.arena.alloc(32);
    this.exports.pico_sha256(data, size, digest);
    const hex = toHex(this.arena.u8(digest, 32));
    this.arena.release(mark);
    return hex;
  }

  close(): void {
    this.executor.close();
  }

  private check(status: number, fault: number, place: string): void {
    if (status === 0) return;
    const detail = abi.fault.read(this.arena.memory, fault);
    throw statusError(
      this.arena.text(this.exports.pico_status_name(status)),
      this.arena.text(this.exports.pico_status_text(status)),
      detail.what === 0 ? '' : this.arena.text(detail.what),
      detail,
      place,
    );
  }
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function whyNotThreads(threads: number): string {
  if (threads < 1) return 'one thread was asked for';
  if (!self.crossOriginIsolated)
    return self.isSecureContext
      ? 'the page is not cross-origin isolated: its server sends no COOP and COEP headers'
      : 'the page came over plain HTTP, where browsers share no memory between threads';
  return '';
}

async function compile(url: string): Promise<WebAssembly.Module> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return await WebAssembly.compile(await response.arrayBuffer());
  } catch (error) {
    throw new PicoError(
      'missing-dependency',
      `the core does not load (${error instanceof Error ? error.message : error}); ` +
        'this browser needs WebAssembly SIMD: Chrome 91, Firefox 89, Safari 16.4 or later',
    );
  }
}
