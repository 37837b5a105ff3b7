/* Kernels against their definition, on every tail. A further kernel set is compared with the scalar one here.
 */
#include "exceptions.h"
#include "kernels.h"
#include "native.h"
#include "test.h"

static void compacting_and_expanding_is_lossless_on_every_length(void) {
    uint32_t random = 5;
    for (size_t n = 0; n <= 200; n++) {
        for (uint32_t threshold = 0; threshold < 6; threshold++) {
            uint8_t *index = exactly(n), *kept = exactly(n), *kept_again = exactly(n);
            int8_t *values = exactly(n), *active = exactly(n + 1), *out = exactly(n);
            size_t expected = 0;
            for (size_t i = 0; i < n; i++) {
                index[i] = (uint8_t)(random_u32(&random) % 8);
                values[i] = (int8_t)random_u32(&random);
                expected += index[i] > threshold;
            }
            REQUIRE(scalar_compact(index, n, threshold, kept) == expected);
            REQUIRE(scalar_compact_values(index, values, n, threshold, kept_again, active) == expected);
            REQUIRE(n == 0 || memcmp(kept, kept_again, expected) == 0);
            active[expected] = 0;
            scalar_expand(index, active, n, threshold, out);
            for (size_t i = 0; i < n; i++) REQUIRE(out[i] == (index[i] > threshold ? values[i] : 0));
            free(index);
            free(kept);
            free(kept_again);
            free(values);
            free(active);
            free(out);
        }
    }
}

static void exceptions_fit_their_bound_and_come_back(void) {
    uint32_t random = 11;
    for (int round = 0; round < 400; round++) {
        const size_t n = round < 300 ? random_u32(&random) % 300 : 30000 + random_u32(&random) % 80000;
        const uint32_t rarity = round < 300 ? 1 + (uint32_t)round % 9 : 40000;
        uint8_t *index = exactly(n), *words = exactly(exception_bytes_bound(n));
        int8_t *values = exactly(n), *back = exactly(n);
        memset(back, 0, n);
        for (size_t i = 0; i < n; i++) {
            index[i] = (uint8_t)(random_u32(&random) % 4);
            values[i] = random_u32(&random) % rarity == 0 ? (int8_t)(random_u32(&random) % 255 - 127) : 0;
        }
        const size_t size = write_exceptions(index, values, n, 2, words);
        REQUIRE(size <= exception_bytes_bound(n));
        REQUIRE(read_exceptions(words, size / 2, index, n, 2, 127, back));
        for (size_t i = 0; i < n; i++) REQUIRE(back[i] == (index[i] <= 2 ? values[i] : 0));
        free(index);
        free(words);
        free(values);
        free(back);
    }
}

static void garbage_exceptions_stay_inside(void) {
    uint32_t random = 12;
    for (int round = 0; round < 2000; round++) {
        const size_t n = random_u32(&random) % 100, count = random_u32(&random) % 12;
        uint8_t *index = exactly(n), *words = exactly(2 * count);
        int8_t *values = exactly(n);
        for (size_t i = 0; i < n; i++) index[i] = (uint8_t)(random_u32(&random) % 4);
        memset(values, 0, n);
        for (size_t i = 0; i < 2 * count; i++) {
            words[i] =
                (uint8_t)(random_u32(&random) % 3 == 0 ? 0xFF : random_u32(&random) % 40 * (i % 2 == 0));
        }
        read_exceptions(words, count, index, n, 2, 50, values);
        for (size_t i = 0; i < n; i++) {
            REQUIRE(values[i] >= -50 && values[i] <= 50 && (values[i] == 0 || index[i] <= 2));
        }
        free(index);
        free(words);
        free(values);
    }
}

static void integers_and_floats_are_converted_by_bits(void) {
    for (int32_t v = -128; v <= 127; v++) {
        float exact = (float)v;
        uint32_t bits;
        memcpy(&bits, &exact, 4);
        REQUIRE(float_from_integer(FLOAT32, v) == bits);
        REQUIRE(integer_from_float(FLOAT32, bits) == v);
        REQUIRE(integer_from_float(FLOAT16, float_from_integer(FLOAT16, v)) == v);
        if (v != 0) REQUIRE(integer_from_float(FLOAT32, bits + 1) == NOT_AN_INTEGER);
    }
    for (uint32_t v = 0; v < 256; v++) {
        float exact = (float)v / 255.0f; /* one rounding: the quotient of two exact floats */
        uint32_t bits;
        memcpy(&bits, &exact, 4);
        REQUIRE(float_from_ratio(FLOAT32, v, 255) == bits);
    }
    /* Every half float, against its value computed the long way. */
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const uint32_t exponent = bits >> 10 & 31, fraction = bits & 0x3FF;
        int32_t expected = NOT_AN_INTEGER;
        if (exponent == 31) {
            expected = fraction != 0 ? NOT_AN_INTEGER : TOO_LARGE;
        } else if (exponent == 0) {
            expected = fraction == 0 ? 0 : NOT_AN_INTEGER;
        } else {
            const uint64_t scaled = (uint64_t)(0x400 | fraction) << exponent; /* value * 2^25 */
            const uint64_t unit = (uint64_t)1 << 25;
            if (scaled / unit >= 1024) {
                expected = TOO_LARGE;
            } else if (scaled % unit == 0) {
                expected = (bits & 0x8000) != 0 ? -(int32_t)(scaled / unit) : (int32_t)(scaled / unit);
            }
        }
        REQUIRE(integer_from_float(FLOAT16, bits) == expected);
    }
}

static void varints_are_read_in_their_shortest_form_only(void) {
    static const uint32_t values[] = {0,     1,       127,       128,       16383,
                                      16384, 2097151, 268435455, 268435456, UINT32_MAX};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        uint8_t *exact = exactly(varint_size(values[i]));
        uint8_t *end = write_varint(exact, values[i]);
        REQUIRE((size_t)(end - exact) == varint_size(values[i]));
        byte_reader r = {exact, end, 1};
        REQUIRE(reader_varint(&r) == values[i] && r.ok && reader_left(&r) == 0);
        byte_reader cut = {exact, end - 1, 1};
        reader_varint(&cut);
        REQUIRE(!cut.ok);
        free(exact);
    }
    static const uint8_t bad[][6] = {
        {0x80, 0}, {0xFF, 0xFF, 0xFF, 0xFF, 0x10}, {0x80, 0x80, 0x80, 0x80, 0x80, 1}};
    for (size_t i = 0; i < 3; i++) {
        byte_reader r = {bad[i], bad[i] + 6, 1};
        reader_varint(&r);
        REQUIRE(!r.ok);
    }
}

const test_case kernel_tests[] = {
    {"compacting and expanding is lossless on every length",
     compacting_and_expanding_is_lossless_on_every_length},
    {"exceptions fit their bound and come back", exceptions_fit_their_bound_and_come_back},
    {"garbage exceptions stay inside", garbage_exceptions_stay_inside},
    {"integers and floats are converted by their bits", integers_and_floats_are_converted_by_bits},
    {"varints are read in their shortest form only", varints_are_read_in_their_shortest_form_only},
    {NULL, NULL},
};
