/* Packed floats <-> packed int8 symbols, the reference kernels: on bit patterns. */
#include "../kernels.h"
#include "../native.h"

static inline int store_if_good(int32_t v, uint32_t max, int8_t *out) {
    *out = (int8_t)v;
    return v >= -(int32_t)max && v <= (int32_t)max;
}

int scalar_symbols_in_f32(const uint8_t *in, size_t n, uint32_t max, int8_t *out) {
    int good = 1;
    for (size_t i = 0; i < n; i++)
        good &= store_if_good(integer_from_float(FLOAT32, load_u32(in + 4 * i)), max, out + i);
    return good;
}

int scalar_symbols_in_f16(const uint8_t *in, size_t n, uint32_t max, int8_t *out) {
    int good = 1;
    for (size_t i = 0; i < n; i++)
        good &= store_if_good(integer_from_float(FLOAT16, load_u16(in + 2 * i)), max, out + i);
    return good;
}

void scalar_symbols_out_f32(const uint32_t table[256], const int8_t *in, size_t n, uint8_t *out) {
    for (size_t i = 0; i < n; i++) store_u32(out + 4 * i, table[(uint8_t)in[i]]);
}

void scalar_symbols_out_f16(const uint16_t table[256], const int8_t *in, size_t n, uint8_t *out) {
    for (size_t i = 0; i < n; i++) store_u16(out + 2 * i, table[(uint8_t)in[i]]);
}
