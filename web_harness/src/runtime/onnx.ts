/** onnxruntime-web: WebGPU where there is an adapter, else WebAssembly. */

import type * as Ort from 'onnxruntime-web';
import type { Bundle } from '../bundle/bundle';
import { type Artefact, onnxArtefact, type PartName, type Role } from '../bundle/manifest';
import { toNanoseconds } from '../core/executor';
import { PicoError } from '../errors';

export type Provider = 'webgpu' | 'wasm';

/** Where the runtime's own files lie; the build of the page fills it in. */
export interface OrtFiles {
  mjs: string;
  wasm: string;
}

export interface Adapter {
  name: string;
  software: boolean;
}

/** Outputs by role, and how long the part and the way back from its memory took. */
export interface PartResult {
  outputs: Partial<Record<Role, Float32Array>>;
  ns: number;
  readBackNs: number | null;
}

/** The WebGPU adapter of this browser, or null with the reason. */
export async function findAdapter(): Promise<{ adapter: Adapter | null; reason: string }> {
  if (!self.isSecureContext)
    return { adapter: null, reason: 'the page came over plain HTTP, where browsers hide WebGPU' };
  if (navigator.gpu === undefined) return { adapter: null, reason: 'this browser has no WebGPU' };
  const adapter = await navigator.gpu.requestAdapter().catch(() => null);
  if (adapter === null) return { adapter: null, reason: 'WebGPU finds no adapter' };
  const { vendor, architecture, description } = adapter.info;
  const name = [vendor, architecture, description].filter(Boolean).join(' ') || 'unnamed adapter';
  const software = adapter.info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe/i.test(name);
  return { adapter: { name, software }, reason: '' };
}

/** The runtime, configured once; a page uses one provider for its whole life. */
export class OnnxRuntime {
  private constructor(
    private readonly ort: typeof Ort,
    readonly provider: Provider,
    readonly threads: number,
  ) {}

  static async start(provider: Provider, files: OrtFiles, threads: number): Promise<OnnxRuntime> {
    const ort: typeof Ort =
      provider === 'webgpu'
        ? await import('onnxruntime-web/webgpu')
        : await import('onnxruntime-web/wasm');
    ort.env.logLevel = 'error';
    ort.env.wasm.wasmPaths = files;
    ort.env.wasm.numThreads = self.crossOriginIsolated ? threads : 1;
    return new OnnxRuntime(ort, provider, ort.env.wasm.numThreads);
  }

  get version(): string {
    return `onnxruntime-web ${this.ort.env.versions.web ?? this.ort.env.versions.common}`;
  }

  async load(bundle: Bundle, part: PartName): Promise<OnnxPart> {
    const artefact = onnxArtefact(bundle.manifest, part);
    const gpu = this.provider === 'webgpu';
    try {
      const session = await this.ort.InferenceSession.create(bundle.parts[part], {
        executionProviders: [this.provider],
        ...(gpu ? { preferredOutputLocation: 'gpu-buffer' as const } : {}),
      });
      const device = gpu ? ((await this.ort.env.webgpu.device) as GPUDevice) : null;
      return new OnnxPart(this.ort, session, artefact, device);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new PicoError(
        'bad-bundle',
        `${artefact.path} does not load in ${this.version} on ${this.provider} (${reason.slice(0, 200)})`,
      );
    }
  }
}

export class OnnxPart {
  constructor(
    private readonly ort: typeof Ort,
    private readonly session: Ort.InferenceSession,
    readonly artefact: Artefact,
    private readonly device: GPUDevice | null,
  ) {}

  /** On the CPU, outputs are where they are read; from a GPU the way back is a phase of its own. */
  get readBack(): 'phase' | 'none' {
    return this.device === null ? 'none' : 'phase';
  }

  /** Run once. The time ends when the result exists; the copy to the CPU is timed apart on a GPU. */
  async run(inputs: Partial<Record<Role, Float32Array>>): Promise<PartResult> {
    const start = performance.now();
    const feeds: Record<string, Ort.Tensor> = {};
    for (const tensor of this.artefact.inputs)
      feeds[tensor.name] = new this.ort.Tensor(
        'float32',
        inputs[tensor.role] as Float32Array<ArrayBuffer>,
        tensor.shape,
      );
    const results = await this.session.run(feeds);
    // run() returns when the work is queued: without this the time of the work would count as read-back
    if (this.device !== null) await this.device.queue.onSubmittedWorkDone();
    const ran = performance.now();
    const outputs: Partial<Record<Role, Float32Array>> = {};
    for (const tensor of this.artefact.outputs) {
      const result = results[tensor.name];
      if (result === undefined)
        throw new PicoError('bad-bundle', `${this.artefact.path} has no output ${tensor.name}`);
      outputs[tensor.role] = (await result.getData(true)) as Float32Array;
    }
    const end = performance.now();
    const onGpu = this.device !== null;
    return {
      outputs,
      ns: toNanoseconds((onGpu ? ran : end) - start),
      readBackNs: onGpu ? toNanoseconds(end - ran) : null,
    };
  }

  release(): Promise<void> {
    return this.session.release();
  }
}
