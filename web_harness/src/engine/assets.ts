/** Addresses of the files that are not part of a script. */

import ortGpuMjs from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import ortGpuWasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import ortMjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import ortWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import corePlain from '../../build/pico.wasm?url';
import coreThreads from '../../build/pico-threads.wasm?url';
import { version } from '../../package.json';
import type { CoreFiles } from '../core/core';
import type { OrtFiles, Provider } from '../runtime/onnx';

const absolute = (url: string): string => new URL(url, import.meta.url).href;

export const VERSION = version;

export const CORE_FILES: CoreFiles = { plain: absolute(corePlain), threads: absolute(coreThreads) };

export const ORT_FILES: Record<Provider, OrtFiles> = {
  wasm: { mjs: absolute(ortMjs), wasm: absolute(ortWasm) },
  webgpu: { mjs: absolute(ortGpuMjs), wasm: absolute(ortGpuWasm) },
};
