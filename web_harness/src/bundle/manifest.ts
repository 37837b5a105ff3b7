/** What the page reads of a bundle's manifest.json (docs/bundle.md), checked as it is read. */

import { PicoError } from '../errors';

export type PartName = 'analysis' | 'synthesis';
export type Role = 'x' | 'anchors' | 'y_mask' | 'z_mask' | 'z' | 'y' | 'x_hat';

export interface TensorInfo {
  role: Role;
  name: string;
  layout: string;
  dtype: string;
  shape: number[];
}

export interface Artefact {
  runtime: string;
  part: PartName;
  precision: string;
  path: string;
  inputs: TensorInfo[];
  outputs: TensorInfo[];
}

export interface Manifest {
  schema_version: number;
  codec: string;
  model_version: string;
  entropy_fingerprint: string;
  pixel_fingerprint: string;
  anchor_table: number[][];
  artefacts: Artefact[];
  files: Record<string, { size: number; sha256: string }>;
}

const SCHEMA_VERSION = 1;

function wrong(what: string): never {
  throw new PicoError(
    'bad-bundle',
    `manifest.json cannot be used: ${what}; give the page a bundle that pico-deploy convert wrote`,
  );
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isPlainPath(path: string): boolean {
  return (
    /^[A-Za-z0-9._+/-]+$/.test(path) && !path.split('/').some((p) => ['', '.', '..'].includes(p))
  );
}

/** The manifest in `text`; throws `PicoError` naming the first thing that is wrong. */
export function parseManifest(text: string): Manifest {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    wrong('it is not JSON');
  }
  if (!isObject(data)) wrong('it is not an object');
  if (data.schema_version !== SCHEMA_VERSION)
    wrong(`schema version ${String(data.schema_version)}, this page reads ${SCHEMA_VERSION}`);
  for (const field of ['codec', 'model_version', 'entropy_fingerprint', 'pixel_fingerprint'])
    if (typeof data[field] !== 'string') wrong(`${field} is missing`);
  if (!/^[0-9a-f]{16}$/.test(data.pixel_fingerprint as string)) wrong('pixel_fingerprint');
  const table = data.anchor_table;
  if (
    !Array.isArray(table) ||
    !table.every((row) => Array.isArray(row) && row.every(Number.isFinite))
  )
    wrong('anchor_table is not a table of numbers');
  const files = data.files;
  if (!isObject(files)) wrong('files is missing');
  for (const [path, entry] of Object.entries(files)) {
    if (!isPlainPath(path)) wrong(`${path} is not a plain relative path`);
    if (
      !isObject(entry) ||
      !Number.isInteger(entry.size) ||
      !/^[0-9a-f]{64}$/.test(String(entry.sha256))
    )
      wrong(`the entry of ${path}`);
  }
  if (!Array.isArray(data.artefacts)) wrong('artefacts is missing');
  data.artefacts.forEach(checkArtefact);
  return data as unknown as Manifest;
}

function checkArtefact(artefact: unknown): void {
  if (!isObject(artefact) || typeof artefact.path !== 'string') wrong('an artefact without a path');
  for (const side of ['inputs', 'outputs']) {
    const tensors = artefact[side];
    if (!Array.isArray(tensors)) wrong(`${side} of ${artefact.path}`);
    for (const tensor of tensors)
      if (!isObject(tensor) || typeof tensor.name !== 'string' || !Array.isArray(tensor.shape))
        wrong(`a tensor of ${artefact.path}`);
  }
}

/** The ONNX artefact of a part: float32, as this page feeds it. */
export function onnxArtefact(manifest: Manifest, part: PartName): Artefact {
  const found = manifest.artefacts.find(
    (artefact) =>
      artefact.runtime === 'onnx' && artefact.part === part && artefact.precision === 'fp32',
  );
  if (found === undefined)
    throw new PicoError(
      'bad-bundle',
      `the bundle holds no onnx/${part}/fp32, which browsers run; convert it with --format onnx`,
    );
  const odd = [...found.inputs, ...found.outputs].find(
    (t) => t.dtype !== 'float32' || t.layout === 'nhwc',
  );
  if (odd !== undefined)
    throw new PicoError(
      'bad-bundle',
      `${found.path}: ${odd.name} is ${odd.dtype} ${odd.layout}, not float32 nchw`,
    );
  return found;
}
