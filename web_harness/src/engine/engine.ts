/** The codec behind the page: one core, one runtime, one bundle and one picture at a time. */

import { fetchBundle, httpFetcher } from '../bundle/bundle';
import { runVectors } from '../conformance/vectors';
import { Core } from '../core/core';
import { toNanoseconds } from '../core/executor';
import { Grid, Model } from '../core/model';
import { PicoError } from '../errors';
import type { Conformance } from '../generated/result';
import { type BenchSettings, bench } from '../measure/bench';
import { describeMachine } from '../measure/device';
import { assemble } from '../measure/result';
import { SymbolRecorder } from '../measure/symbols';
import { decode, encode, type Parts } from '../runtime/codec';
import type { Observer, Phase } from '../runtime/observer';
import { findAdapter, OnnxRuntime, type Provider } from '../runtime/onnx';
import { type Picture, psnr } from '../runtime/picture';
import { CORE_FILES, ORT_FILES, VERSION } from './assets';
import type {
  BenchDone,
  DecodedPicture,
  Encoded,
  Environment,
  Opened,
  OpenRequest,
  PhaseTimes,
  VectorsDone,
} from './protocol';

export type Report = (done: number, total: number, what: string) => void;

interface Session {
  core: Core;
  runtime: OnnxRuntime;
  parts: Parts;
  request: OpenRequest;
  observed: string;
  evidence: string;
  loadNs: number;
}

const COLD =
  'first in a fresh page: download of the bundle, start of core and runtime, both sessions';
const WARM_LOADS = 1;
const MAX_RUNTIME_THREADS = 4;

/** One thread is the engine's own, which waits while the pool works. */
const poolSize = (): number => Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1));

export class Engine {
  private session: Session | null = null;
  private picture: Picture | null = null;

  async environment(): Promise<Environment> {
    const { adapter, reason } = await findAdapter();
    return {
      browser: (await describeMachine()).browser,
      isolated: self.crossOriginIsolated,
      cores: navigator.hardwareConcurrency,
      adapter: adapter?.name ?? null,
      adapterIsSoftware: adapter?.software ?? false,
      adapterReason: reason,
    };
  }

  async open(request: OpenRequest): Promise<Opened> {
    this.session?.core.close();
    this.session = null;
    const start = performance.now();
    const { provider, observed, evidence } = await chooseProvider(request.provider);
    const core = await Core.start(CORE_FILES, poolSize());
    const key = request.key;
    const fetcher = httpFetcher(new URL(request.url), () =>
      key === null ? {} : { Authorization: `Bearer ${key}` },
    );
    const bundle = await fetchBundle(core, request.name, fetcher);
    const model = Model.load(core, bundle.entropyBin);
    if (model.fingerprint !== bundle.manifest.entropy_fingerprint)
      throw new PicoError(
        'bad-bundle',
        'entropy.bin is not the one the manifest names; convert the bundle again',
      );
    const threads = request.threads || Math.min(MAX_RUNTIME_THREADS, navigator.hardwareConcurrency);
    const runtime = await OnnxRuntime.start(provider, ORT_FILES[provider], threads);
    const analysis = await runtime.load(bundle, 'analysis');
    const synthesis = await runtime.load(bundle, 'synthesis');
    const loadNs = toNanoseconds(performance.now() - start);
    const parts = { bundle, model, analysis, synthesis };
    this.session = { core, runtime, parts, request, observed, evidence, loadNs };
    return {
      codec: bundle.manifest.codec,
      modelVersion: bundle.manifest.model_version,
      fingerprint: model.fingerprint,
      levels: model.info.levels,
      bytes: bundle.size,
      provider,
      observed,
      runtime: runtime.version,
      threads: runtime.threads,
      kernels: core.kernels,
      coreThreads: core.singleThreadReason === '' ? core.executor.width : 0,
      singleThreadReason: core.singleThreadReason,
      loadNs,
    };
  }

  setPicture(picture: Picture): void {
    this.picture = picture;
  }

  /** `keep`: hand out the symbols too, for somebody who compares them. */
  async encode(level: number, keep: boolean, report: Report): Promise<Encoded> {
    const { parts } = this.opened();
    const { rgb, width, height } = this.shown();
    const recorder = new SymbolRecorder();
    const { watch, phases } = stopwatch(report, 'encode', keep ? recorder : {});
    const start = performance.now();
    const stream = await encode(parts, rgb, width, height, level, watch);
    const ns = toNanoseconds(performance.now() - start);
    return { stream: new Uint8Array(stream), symbols: recorder.all(), ns, phases };
  }

  async decode(stream: Uint8Array, keep: boolean, report: Report): Promise<DecodedPicture> {
    const { parts } = this.opened();
    const recorder = new SymbolRecorder();
    const { watch, phases } = stopwatch(report, 'decode', keep ? recorder : {});
    const start = performance.now();
    const decoded = await decode(parts, stream, watch);
    const ns = toNanoseconds(performance.now() - start);
    const rgb = new Uint8Array(decoded.rgb);
    const same = this.picture?.width === decoded.width && this.picture.height === decoded.height;
    const psnrDb = same ? psnr(this.shown().rgb, rgb) : null;
    return { ...decoded, rgb, symbols: recorder.all(), ns, phases, psnrDb };
  }

  /** `vectorsUrl`: conformance vectors that are run beside the measurement, if they lie there. */
  async bench(
    settings: BenchSettings,
    vectorsUrl: string | null,
    report: Report,
  ): Promise<BenchDone> {
    const session = this.opened();
    const { core, runtime, parts, request } = session;
    const picture = this.shown();
    const measured = await bench(parts, picture, settings, report);
    const conformance = vectorsUrl === null ? null : await this.conformance(vectorsUrl, report);
    const mark = core.arena.mark();
    const grid = Grid.make(parts.model, picture.width, picture.height);
    const result = assemble({
      core,
      parts,
      runtime,
      observed: session.observed,
      requested: request.provider === 'auto' ? 'webgpu, then cpu' : accelerator(request.provider),
      machine: await describeMachine(),
      picture,
      grid,
      settings,
      load: {
        cold_ns: session.loadNs,
        cold_means: COLD,
        warm_ns: await warmLoads(session),
      },
      measured,
      version: VERSION,
      evidence: session.evidence,
      conformance,
    });
    core.arena.release(mark);
    return { result, stream: new Uint8Array(measured.stream) };
  }

  async vectors(url: string, threads: number, report: Report): Promise<VectorsDone> {
    const core = await Core.start(CORE_FILES, threads);
    try {
      const found = await runVectors(
        core,
        httpFetcher(new URL(url), () => ({})),
        report,
      );
      return { ...found, kernels: core.kernels };
    } finally {
      core.close();
    }
  }

  private async conformance(url: string, report: Report): Promise<Conformance> {
    const { suiteSha256, outcomes } = await this.vectors(url, 0, report);
    const failures = outcomes.flatMap(({ name, difference }) =>
      difference === null ? [] : [`${name}: ${difference}`],
    );
    return {
      suite_sha256: suiteSha256,
      vectors: outcomes.length,
      passed: outcomes.length - failures.length,
      failures,
    };
  }

  private opened(): Session {
    if (this.session === null)
      throw new PicoError('usage', 'no bundle is open: give the address of one and open it first');
    return this.session;
  }

  private shown(): Picture {
    if (this.picture === null) throw new PicoError('usage', 'no photo is chosen: choose one first');
    return this.picture;
  }
}

const accelerator = (provider: Provider): string => (provider === 'wasm' ? 'cpu' : 'webgpu');

interface Choice {
  provider: Provider;
  observed: string;
  evidence: string;
}

/** The provider, and what it runs on: a software adapter is said to be one. */
async function chooseProvider(wanted: OpenRequest['provider']): Promise<Choice> {
  const cpu = (evidence: string): Choice => ({ provider: 'wasm', observed: 'cpu', evidence });
  if (wanted === 'wasm') return cpu('the WebAssembly provider alone was asked for');
  const { adapter, reason } = await findAdapter();
  if (wanted === 'webgpu' && adapter === null)
    throw new PicoError('missing-dependency', `WebGPU was asked for and cannot be used: ${reason}`);
  if (adapter === null) return cpu(reason);
  if (wanted === 'auto' && adapter.software)
    return cpu(`the only WebGPU adapter is software: ${adapter.name}`);
  return {
    provider: 'webgpu',
    observed: adapter.software ? 'webgpu on a software adapter' : 'webgpu',
    evidence: `adapter ${adapter.name}, outputs in its buffers; single operations may run on the CPU`,
  };
}

async function warmLoads({ runtime, parts }: Session): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < WARM_LOADS; i++) {
    const start = performance.now();
    const again = [
      await runtime.load(parts.bundle, 'analysis'),
      await runtime.load(parts.bundle, 'synthesis'),
    ];
    times.push(toNanoseconds(performance.now() - start));
    for (const part of again) await part.release();
  }
  return times;
}

/** Busy times by phase, and progress by tile; symbols go to `symbols`. */
function stopwatch(
  report: Report,
  what: string,
  symbols: Pick<Observer, 'symbols'>,
): { watch: Observer; phases: PhaseTimes } {
  const phases: PhaseTimes = {};
  return {
    phases,
    watch: {
      symbols: (tile, z, y) => symbols.symbols?.(tile, z, y),
      span: (phase: Phase, ns: number) => {
        phases[phase] = (phases[phase] ?? 0) + ns;
      },
      progress: (done, of) => report(done, of, `${what}: tile ${done} of ${of}`),
    },
  };
}
