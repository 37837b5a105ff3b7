/* Scalar kernels against their definition, on every tail. Other sets are compared with these in test_sets.c. */
#include "exceptions.h"
#include "kernels.h"
#include "native.h"
#include "scalar/skip_moves.h"
#include "symbols.h"
#include "test.h"

static void compacting_and_expanding_is_lossless_on_every_length(void) {
    uint32_t random = 5;
    for (size_t n = 0; n <= 200; n++) {
        for (uint32_t threshold = 0; threshold < 6; threshold++) {
            uint8_t *index = exactly(n), *kept = exactly(n), *kept_again = exactly(n);
            uint32_t *entries = exactly(n * sizeof *entries);
            int8_t *values = exactly(n), *active = exactly(n + EXPAND_PADDING), *out = exactly(n);
            size_t expected = 0;
            for (size_t i = 0; i < n; i++) {
                index[i] = (uint8_t)(random_u32(&random) % 8);
                values[i] = (int8_t)random_u32(&random);
                expected += index[i] > threshold;
            }
            REQUIRE(scalar_compact(index, n, threshold, kept) == expected);
            const skip_split found = scalar_split(index, values, n, threshold, kept_again, active, entries);
            REQUIRE(found.active == expected);
            REQUIRE(n == 0 || memcmp(kept, kept_again, expected) == 0);
            active[expected] = 0;
            scalar_expand(index, active, n, threshold, out);
            for (size_t i = 0; i < n; i++) REQUIRE(out[i] == (index[i] > threshold ? values[i] : 0));
            uint32_t skipped = 0, exceptions = 0;
            for (size_t i = 0; i < n; i++) {
                if (index[i] > threshold) continue;
                if (values[i] != 0) REQUIRE(entries[exceptions++] == (skipped << 8 | (uint8_t)values[i]));
                skipped++;
            }
            REQUIRE(found.exceptions == exceptions);
            free(entries);
            free(index);
            free(kept);
            free(kept_again);
            free(values);
            free(active);
            free(out);
        }
    }
}

/* Moves of bytes that carry their numbers, one place at a time. */
static void moves_bring_the_bytes_that_are_kept_together(void) {
    for (uint32_t mask = 0; mask < 256; mask++) {
        uint32_t at[8], kept = 0;
        for (uint32_t j = 0; j < 8; j++) at[j] = j;
        for (uint32_t step = 0; step < 3; step++) {
            uint64_t fill = 0;
            for (uint32_t j = 0, gone = 0; j < 8; j++) {
                gone += (mask >> j & 1) == 0;
                if ((mask >> j & 1) == 0 || (gone >> step & 1) == 0) continue;
                at[j] -= 1u << step;
                fill |= (uint64_t)0xFF << 8 * at[j];
            }
            REQUIRE(moves_of[mask].fill[step] == fill);
            REQUIRE(moves_back_of[mask].fill[step] == fill << (8 << step));
        }
        for (uint32_t j = 0; j < 8; j++) {
            const int is_kept = mask >> j & 1;
            if (is_kept) REQUIRE(at[j] == kept++);
            REQUIRE((moves_back_of[mask].kept >> 8 * j & 0xFF) == (is_kept ? 0xFF : 0));
        }
        REQUIRE(moves_of[mask].kept == kept && kept_of[mask] == kept);
    }
}

enum { TILES_OF_A_STREAM = 3 };

/* Tiles of several lengths, whose exceptions are so dense or rare as `rarity` says. */
static void exceptions_round_trip(size_t n, uint32_t rarity, uint32_t *random) {
    uint8_t *index[TILES_OF_A_STREAM];
    int8_t *values[TILES_OF_A_STREAM];
    exception_entry *entries[TILES_OF_A_STREAM];
    tile_exceptions tiles[TILES_OF_A_STREAM];
    size_t all = 0;
    for (int t = 0; t < TILES_OF_A_STREAM; t++) {
        index[t] = exactly(n);
        values[t] = exactly(n);
        entries[t] = exactly(n * sizeof **entries);
        for (size_t i = 0; i < n; i++) {
            index[t][i] = (uint8_t)(random_u32(random) % 4);
            values[t][i] = random_u32(random) % rarity == 0 ? (int8_t)(random_u32(random) % 255 - 127) : 0;
        }
        tiles[t].entries = entries[t];
        uint8_t *active_index = exactly(n);
        int8_t *active_values = exactly(n);
        const skip_split found =
            scalar_split(index[t], values[t], n, 2, active_index, active_values, entries[t]);
        tiles[t].count = found.exceptions;
        tiles[t].skipped = (uint32_t)(n - found.active);
        free(active_index);
        free(active_values);
        all += n;
    }
    const exception_size size = measure_exceptions(tiles, TILES_OF_A_STREAM);
    REQUIRE(8 * size.bytes <= 12 * all + 7);
    uint8_t *data = exactly((size_t)size.bytes);
    write_exceptions(tiles, TILES_OF_A_STREAM, size, data);

    exception_reader reader;
    REQUIRE(exceptions_begin(&reader, data, (size_t)size.bytes, size.count, size.rice, 127));
    for (int t = 0; t < TILES_OF_A_STREAM; t++) {
        int8_t *back = exactly(n);
        memset(back, 0, n);
        REQUIRE(exceptions_apply(&reader, kernels_select(PICO_CPU_SCALAR), index[t], n, 2, back));
        for (size_t i = 0; i < n; i++) REQUIRE(back[i] == (index[t][i] <= 2 ? values[t][i] : 0));
        free(back);
    }
    REQUIRE(exceptions_end(&reader));
    if (size.count > 0) { /* control: eight exceptions more than there are, or a byte less, are noticed */
        int8_t *back = exactly(n);
        int good = exceptions_begin(&reader, data, (size_t)size.bytes, size.count + 8, size.rice, 127);
        for (int t = 0; t < TILES_OF_A_STREAM && good; t++)
            good = exceptions_apply(&reader, kernels_select(PICO_CPU_SCALAR), index[t], n, 2, back);
        REQUIRE(!good || !exceptions_end(&reader));
        good = exceptions_begin(&reader, data, (size_t)size.bytes - 1, size.count, size.rice, 127);
        for (int t = 0; t < TILES_OF_A_STREAM && good; t++)
            good = exceptions_apply(&reader, kernels_select(PICO_CPU_SCALAR), index[t], n, 2, back);
        REQUIRE(!good || !exceptions_end(&reader));
        free(back);
    }
    for (int t = 0; t < TILES_OF_A_STREAM; t++) {
        free(index[t]);
        free(values[t]);
        free(entries[t]);
    }
    free(data);
}

static void exceptions_fit_their_bound_and_come_back(void) {
    uint32_t random = 11;
    for (uint32_t round = 0; round < 300; round++) {
        exceptions_round_trip(random_u32(&random) % 300, 1 + round % 9, &random);
    }
    for (int round = 0; round < 4; round++) exceptions_round_trip(100000, 40000, &random);
}

static void garbage_exceptions_stay_inside(void) {
    uint32_t random = 12, accepted = 0, refused = 0;
    for (int round = 0; round < 4000; round++) {
        const size_t n = random_u32(&random) % 100, size = random_u32(&random) % 12;
        uint8_t *index = exactly(n), *data = exactly(size);
        int8_t *values = exactly(n);
        for (size_t i = 0; i < n; i++) index[i] = (uint8_t)(random_u32(&random) % 4);
        memset(values, 0, n);
        for (size_t i = 0; i < size; i++) data[i] = (uint8_t)(random_u32(&random) & random_u32(&random));
        exception_reader reader;
        const uint32_t count = random_u32(&random) % 5, rice = random_u32(&random) % (PICO_MAX_RICE + 1);
        int good = exceptions_begin(&reader, data, size, count, round % 2 == 0 ? rice : rice % 3, 50) &&
                   exceptions_apply(&reader, kernels_select(PICO_CPU_SCALAR), index, n, 2, values);
        accepted += good && !reader.pending;
        refused += !good;
        for (size_t i = 0; i < n; i++) {
            REQUIRE(values[i] >= -50 && values[i] <= 50 && (values[i] == 0 || index[i] <= 2));
        }
        free(index);
        free(data);
        free(values);
    }
    REQUIRE(accepted > 100 && refused > 100);
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

/* Every value for every bound, at many places of many lengths. */
static void a_symbol_out_of_range_is_found_wherever_it_is(void) {
    for (uint32_t bound = 1; bound <= 127; bound++) {
        for (int32_t value = -128; value < 128; value++) {
            const size_t n = (size_t)(value + 128) % 70 + 1, at = (size_t)(value + 128) * bound % n;
            const int32_t max = (int32_t)bound;
            int8_t *symbols = exactly(n);
            for (size_t i = 0; i < n; i++) symbols[i] = (int8_t)(i % 2 == 0 ? max : -max);
            symbols[at] = (int8_t)value;
            REQUIRE(symbols_in_range(symbols, n, bound) == (value >= -max && value <= max));
            free(symbols);
        }
    }
}

const test_case kernel_tests[] = {
    {"compacting and expanding is lossless on every length",
     compacting_and_expanding_is_lossless_on_every_length},
    {"moves bring the bytes that are kept together", moves_bring_the_bytes_that_are_kept_together},
    {"exceptions fit their bound and come back", exceptions_fit_their_bound_and_come_back},
    {"garbage exceptions stay inside", garbage_exceptions_stay_inside},
    {"integers and floats are converted by their bits", integers_and_floats_are_converted_by_bits},
    {"a symbol out of range is found wherever it is", a_symbol_out_of_range_is_found_wherever_it_is},
    {"varints are read in their shortest form only", varints_are_read_in_their_shortest_form_only},
    {NULL, NULL},
};
