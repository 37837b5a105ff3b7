/** What the page and its engine, a worker that holds the codec, say to each other. */

import type { Outcome } from '../conformance/vectors';
import type { Result } from '../generated/result';
import type { BenchSettings } from '../measure/bench';
import type { Phase } from '../runtime/observer';
import type { Provider } from '../runtime/onnx';
import type { Picture } from '../runtime/picture';

export interface Environment {
  browser: string;
  isolated: boolean;
  cores: number;
  /** Name of the WebGPU adapter, or null and why. */
  adapter: string | null;
  adapterIsSoftware: boolean;
  adapterReason: string;
}

export interface OpenRequest {
  url: string;
  name: string;
  key: string | null;
  /** `auto`: WebGPU on a hardware adapter, else WebAssembly. */
  provider: Provider | 'auto';
  /** Threads of the runtime; 0: one a core, at most four. */
  threads: number;
}

export interface Opened {
  codec: string;
  modelVersion: string;
  fingerprint: string;
  levels: number;
  bytes: number;
  provider: Provider;
  observed: string;
  runtime: string;
  threads: number;
  kernels: string;
  /** Threads of the core, or why there is none but the engine's own. */
  coreThreads: number;
  singleThreadReason: string;
  loadNs: number;
}

/** Busy time of each phase, in nanoseconds. */
export type PhaseTimes = Partial<Record<Phase, number>>;

export interface Encoded {
  stream: Uint8Array<ArrayBuffer>;
  /** Of all tiles, as analysis emitted them: tile by tile z, then y. Empty unless asked for. */
  symbols: Int8Array<ArrayBuffer>;
  ns: number;
  phases: PhaseTimes;
}

export interface DecodedPicture {
  width: number;
  height: number;
  level: number;
  rgb: Uint8Array<ArrayBuffer>;
  /** As the core decoded them; empty unless asked for. */
  symbols: Int8Array<ArrayBuffer>;
  ns: number;
  phases: PhaseTimes;
  /** Against the picture that is open, if it has the same size. */
  psnrDb: number | null;
}

export interface BenchDone {
  result: Result;
  stream: Uint8Array<ArrayBuffer>;
}

export interface VectorsDone {
  version: number;
  suiteSha256: string;
  kernels: string;
  outcomes: Outcome[];
}

/** Method -> [arguments, answer]. */
export interface Methods {
  environment: [undefined, Environment];
  open: [OpenRequest, Opened];
  picture: [Picture, undefined];
  encode: [{ level: number; symbols: boolean }, Encoded];
  decode: [{ stream: Uint8Array; symbols: boolean }, DecodedPicture];
  bench: [{ settings: BenchSettings; vectorsUrl: string | null }, BenchDone];
  vectors: [{ url: string; threads: number }, VectorsDone];
}

export interface EngineRequest {
  id: number;
  method: keyof Methods;
  argument: unknown;
}

export type EngineMessage =
  | { id: number; kind: 'progress'; done: number; total: number; what: string }
  | { id: number; kind: 'answer'; value: unknown }
  | { id: number; kind: 'error'; code: string; message: string };
