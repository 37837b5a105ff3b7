/** The result JSON, as `pico_deploy/measure/result.schema.json` defines it for every harness. */

import type { Bundle } from '../bundle/bundle';
import type { Core } from '../core/core';
import type { Grid } from '../core/model';
import type { BundleIdentity, Conformance, Load, Result, Run, Workload } from '../generated/result';
import type { Parts } from '../runtime/codec';
import type { OnnxRuntime } from '../runtime/onnx';
import type { Picture } from '../runtime/picture';
import type { BenchSettings, Measured } from './bench';
import type { Machine } from './device';

export interface Measurement {
  core: Core;
  parts: Parts;
  runtime: OnnxRuntime;
  /** Adapter or "cpu": what really ran. */
  observed: string;
  requested: string;
  machine: Machine;
  picture: Picture;
  grid: Grid;
  settings: BenchSettings;
  load: Load;
  measured: Measured;
  version: string;
  /** How it is known what did the work. */
  evidence: string;
  conformance: Conformance | null;
}

function identity(bundle: Bundle): BundleIdentity {
  return {
    name: bundle.name,
    codec: bundle.manifest.codec,
    model_version: bundle.manifest.model_version,
    manifest_sha256: bundle.manifestSha256,
    entropy_fingerprint: bundle.manifest.entropy_fingerprint,
    pixel_fingerprint: bundle.manifest.pixel_fingerprint,
    bundle_bytes: bundle.size,
  };
}

function workload({ core, picture, grid, settings }: Measurement): Workload {
  return {
    image: picture.name,
    image_source: picture.source,
    width: picture.width,
    height: picture.height,
    tiles: grid.tiles,
    level: settings.level,
    pixels_sha256: core.sha256(picture.rgb),
  };
}

function run(m: Measurement): Run {
  const { core, measured } = m;
  const pool =
    core.singleThreadReason === ''
      ? `core: ${core.executor.width} ${core.executor.width === 1 ? 'worker' : 'workers'} on one shared memory`
      : `core: one thread, shared with the runtime (${core.singleThreadReason})`;
  return {
    runtime: `onnx-web-${m.runtime.provider}`,
    runtime_version: m.runtime.version,
    accelerator_requested: m.requested,
    accelerator_observed: m.observed,
    precision: 'fp32',
    threads: m.runtime.threads,
    load: m.load,
    accelerator_evidence: m.evidence,
    encode: measured.encode,
    decode: measured.decode,
    stream_bytes: measured.stream.length,
    hashes: measured.hashes,
    warm_up_iterations: m.settings.warmUpIterations,
    conformance: m.conformance,
    notes: [
      pool,
      `clock: performance.now(), ${self.crossOriginIsolated ? '5 µs' : '100 µs'} or coarser`,
      'memory and thermal state: browsers do not tell',
      ...measured.notes,
    ],
  };
}

/** Everything about one benchmark. Its provenance is a claim: a browser shows no evidence of its machine. */
export function assemble(m: Measurement): Result {
  const megapixels = (m.picture.width * m.picture.height) / 1e6;
  const notes = [`browser: ${m.machine.browser}`];
  if (megapixels < 11.5 || megapixels > 12.5)
    notes.push(
      `the image has ${megapixels.toFixed(1)} MP: latencies are not those of a 12 MP photo`,
    );
  return {
    schema_name: 'pico-deploy/result',
    schema_version: 2,
    provenance: 'claimed',
    target: 'web',
    tool: {
      name: 'pico-deploy web harness',
      version: m.version,
      core_bitstream_version: '1.0',
      core_kernels: m.core.kernels,
    },
    device: m.machine.device,
    bundle: identity(m.parts.bundle),
    workload: workload(m),
    runs: [run(m)],
    notes,
  };
}
