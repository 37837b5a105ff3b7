import { cpSync, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const VECTORS = here('../conformance/vectors');
const vectorsComeAlong = existsSync(VECTORS);

/** The conformance vectors travel with the page. */
function vectors(): Plugin {
  return {
    name: 'conformance-vectors',
    writeBundle({ dir }) {
      if (vectorsComeAlong) cpSync(VECTORS, `${dir}/vectors`, { recursive: true });
    },
  };
}

export default defineConfig({
  // the page works in any folder of any server
  base: './',
  plugins: [vectors()],
  define: { VECTORS_COME_ALONG: vectorsComeAlong },
  // onnxruntime-web without its own WebAssembly inside: the engine says where it lies
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'production'] },
  worker: { format: 'es' },
  // where the Python package looks for it, in a checkout and in a wheel
  build: {
    outDir: here('../targets/web/page'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
  },
  server: {
    headers: {
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    },
  },
});
