/** A bundle over HTTP: every byte that is used is the one the manifest names. */

import type { Core } from '../core/core';
import { PicoError } from '../errors';
import { type Manifest, onnxArtefact, type PartName, parseManifest } from './manifest';

/** Gets a file of the bundle by its path within it. */
export type Fetcher = (path: string) => Promise<Uint8Array>;

const MANIFEST_LIMIT_BYTES = 16 << 20;

export interface Bundle {
  name: string;
  manifest: Manifest;
  manifestSha256: string;
  /** Bytes of all files it lists, as on disk. */
  size: number;
  entropyBin: Uint8Array;
  parts: Record<PartName, Uint8Array>;
}

/** A fetcher below a URL; `authorise` adds what the server wants to see. */
export function httpFetcher(base: URL, authorise: () => HeadersInit): Fetcher {
  return async (path) => {
    const url = new URL(path, base);
    let response: Response;
    try {
      response = await fetch(url, { headers: authorise(), cache: 'no-store' });
    } catch {
      throw new PicoError(
        'bad-bundle',
        `${url.pathname} cannot be fetched: the server does not answer`,
      );
    }
    if (response.status === 401)
      throw new PicoError(
        'unauthorised',
        'the server wants a link it has just printed: open that one',
      );
    if (!response.ok)
      throw new PicoError(
        'bad-bundle',
        `${url.pathname} cannot be fetched: HTTP status ${response.status}; no bundle lies there`,
      );
    return new Uint8Array(await response.arrayBuffer());
  };
}

/** Fetch what this page needs of a bundle: the manifest, the entropy model, the ONNX parts. */
export async function fetchBundle(core: Core, name: string, fetcher: Fetcher): Promise<Bundle> {
  const bytes = await fetcher('manifest.json');
  if (bytes.length > MANIFEST_LIMIT_BYTES)
    throw new PicoError('bad-bundle', 'manifest.json is larger than any manifest');
  const manifest = parseManifest(new TextDecoder().decode(bytes));
  const read = async (path: string): Promise<Uint8Array> => {
    const entry = manifest.files[path];
    if (entry === undefined)
      throw new PicoError('bad-bundle', `manifest.json does not list ${path}`);
    const data = await fetcher(path);
    if (data.length !== entry.size || core.sha256(data) !== entry.sha256)
      throw new PicoError(
        'bad-bundle',
        `${path} was altered (its SHA-256 is not the manifest's); copy or convert the bundle again`,
      );
    return data;
  };
  const [entropyBin, analysis, synthesis] = await Promise.all([
    read('entropy.bin'),
    read(onnxArtefact(manifest, 'analysis').path),
    read(onnxArtefact(manifest, 'synthesis').path),
  ]);
  return {
    name,
    manifest,
    manifestSha256: core.sha256(bytes),
    size: Object.values(manifest.files).reduce((sum, entry) => sum + entry.size, 0),
    entropyBin: entropyBin as Uint8Array,
    parts: { analysis: analysis as Uint8Array, synthesis: synthesis as Uint8Array },
  };
}
