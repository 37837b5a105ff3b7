/* What the WebAssembly module offers beside pico.h. */
#include "pico_cpu.h"

uint32_t pico_wasm_cpu_flags(void);

/* The flags to pass to pico_model_init: those that the module was compiled with. */
uint32_t pico_wasm_cpu_flags(void) {
    return pico_cpu_detect();
}
