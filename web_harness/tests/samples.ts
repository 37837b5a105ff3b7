/** Small things that several tests need. */

import type { Manifest, PartName, Role, TensorInfo } from '../src/bundle/manifest';
import type { Operation, Result } from '../src/generated/result';

const tensor = (role: Role, ...shape: number[]): TensorInfo => ({
  role,
  name: role,
  layout: role === 'anchors' ? 'nc' : 'nchw',
  dtype: 'float32',
  shape,
});

export function manifest(): Manifest {
  const part = (name: PartName) => ({
    runtime: 'onnx',
    part: name,
    precision: 'fp32',
    path: `onnx/${name}.onnx`,
    inputs: [tensor('anchors', 1, 3)],
    outputs: [tensor('y', 1, 12, 8, 8)],
  });
  const files = ['entropy.bin', 'onnx/analysis.onnx', 'onnx/synthesis.onnx'];
  return {
    schema_version: 1,
    codec: 'tiny',
    model_version: '1',
    entropy_fingerprint: '0'.repeat(32),
    pixel_fingerprint: '0'.repeat(16),
    anchor_table: [[1, 0, 0]],
    artefacts: [part('analysis'), part('synthesis')],
    files: Object.fromEntries(files.map((f) => [f, { size: 3, sha256: 'a'.repeat(64) }])),
  };
}

export const operation = (): Operation => ({
  latency_ns: [300, 500],
  phases: {
    entropy: { samples_ns: [[10, 20], [30]] },
    synthesis: { samples_ns: [[100], [200]] },
    scale_indices: { samples_ns: [[5], [6]], part_of: 'entropy', note: 'apart' },
  },
  overlap_efficiency: [0.5, null],
});

export const result = (): Result => ({
  schema_name: 'pico-deploy/result',
  schema_version: 1,
  provenance: 'claimed',
  tool: { name: 'test', version: '0', core_bitstream_version: '1.0', core_kernels: 'wasm scalar' },
  device: { model: 'PC', architecture: 'x86 64 bit', os: 'Linux', os_version: '6' },
  bundle: {
    name: 'tiny.bundle',
    codec: 'tiny',
    manifest_sha256: 'a'.repeat(64),
    entropy_fingerprint: 'b'.repeat(32),
    pixel_fingerprint: 'c'.repeat(16),
    bundle_bytes: 3,
  },
  workload: {
    image: 'x',
    image_source: 'synthetic',
    width: 2,
    height: 2,
    tiles: 1,
    level: 0,
    pixels_sha256: 'd'.repeat(64),
  },
  runs: [
    {
      runtime: 'onnx-web-wasm',
      accelerator_requested: 'cpu',
      encode: operation(),
      decode: operation(),
    },
  ],
});
