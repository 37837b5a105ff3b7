/* What the WebAssembly kernels share. A module cannot ask what it runs on: one that is compiled with vectors
 * (-msimd128) is refused by an engine without them, and one that is not has the scalar set alone. */
#ifndef PICO_WASM_H
#define PICO_WASM_H

#ifdef __wasm_simd128__
#define PICO_WASM_SIMD 1

#include <wasm_simd128.h>

#include "kernels.h"
#include "mask_tables.h"
#include "specialised.h"

#endif
#endif
