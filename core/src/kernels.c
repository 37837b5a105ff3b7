#include "kernels.h"

static const pico_kernels scalar_kernels = {
    .name = "scalar",
    .rans_decode = scalar_rans_decode,
    .rans_encode = scalar_rans_encode,
    .compact = scalar_compact,
    .compact_values = scalar_compact_values,
    .expand = scalar_expand,
    .pointwise_first = scalar_pointwise_first,
    .pointwise = scalar_pointwise,
    .depthwise_first = scalar_depthwise_first,
    .depthwise = scalar_depthwise,
    .upsample = scalar_upsample,
    .pixels_in_f32 = scalar_pixels_in_f32,
    .pixels_in_f16 = scalar_pixels_in_f16,
    .pixels_out_f32 = scalar_pixels_out_f32,
    .pixels_out_f16 = scalar_pixels_out_f16,
};

const pico_kernels *kernels_select(uint32_t cpu_flags) {
    (void)cpu_flags;
    return &scalar_kernels;
}

const char *pico_kernels_name(uint32_t cpu_flags) {
    return kernels_select(cpu_flags)->name;
}
