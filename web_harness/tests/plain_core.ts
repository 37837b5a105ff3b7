/** The core as the page loads it, from files instead of a server. */

import { readFileSync } from 'node:fs';
import { Core } from '../src/core/core';

const FILES = { plain: 'build/pico.wasm', threads: 'build/pico-threads.wasm' };

export async function plainCore(): Promise<Core> {
  Object.assign(globalThis, { self: globalThis });
  const serve = async (path: string) => new Response(new Uint8Array(readFileSync(path)));
  const original = globalThis.fetch;
  globalThis.fetch = serve as unknown as typeof fetch;
  try {
    return await Core.start(FILES, 0);
  } finally {
    globalThis.fetch = original;
  }
}
