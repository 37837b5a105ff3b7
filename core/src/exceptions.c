#include "exceptions.h"

#include "bytes.h"

enum {
    MAGNITUDE_BITS = 7, /* of a value that is not 1 or -1 */
    VALUE_BITS = 2      /* flag and sign */
};

/* ---- Writing ---- */

/* Walks over the exceptions of all tiles in order and gives each its gap. */
typedef struct gap_walk {
    uint64_t base, next; /* skipped elements before this tile; the first one not passed */
} gap_walk;

static uint64_t gap_to(gap_walk *walk, exception_entry entry) {
    const uint64_t rank = walk->base + (entry >> 8), gap = rank - walk->next;
    walk->next = rank + 1;
    return gap;
}

static int32_t value_of(exception_entry entry) {
    const uint32_t byte = entry & 0xFF;
    return byte < 128 ? (int32_t)byte : (int32_t)byte - 256;
}

exception_size measure_exceptions(const tile_exceptions *tiles, uint32_t tile_count) {
    uint64_t quotients[PICO_MAX_RICE + 1] = {0}, fixed = 0;
    exception_size size = {0, 0, 0};
    gap_walk walk = {0, 0};
    for (uint32_t t = 0; t < tile_count; t++) {
        for (uint32_t i = 0; i < tiles[t].count; i++) {
            const uint64_t gap = gap_to(&walk, tiles[t].entries[i]);
            for (uint32_t rice = 0; rice <= PICO_MAX_RICE; rice++) quotients[rice] += gap >> rice;
            const int32_t value = value_of(tiles[t].entries[i]);
            fixed += 1 + VALUE_BITS + (value == 1 || value == -1 ? 0u : (uint32_t)MAGNITUDE_BITS);
        }
        size.count += tiles[t].count;
        walk.base += tiles[t].skipped;
    }
    uint64_t best = UINT64_MAX;
    for (uint32_t rice = 0; rice <= PICO_MAX_RICE; rice++) {
        const uint64_t bits = quotients[rice] + (uint64_t)size.count * rice + fixed;
        if (bits < best) {
            best = bits;
            size.rice = rice;
        }
    }
    size.bytes = (best + 7) / 8;
    return size;
}

typedef struct bit_writer {
    uint8_t *data;
    uint64_t bit;
} bit_writer;

static void put_bit(bit_writer *w, uint32_t bit) {
    w->data[w->bit / 8] |= (uint8_t)(bit << w->bit % 8);
    w->bit++;
}

static void put_bits(bit_writer *w, uint64_t value, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) put_bit(w, (uint32_t)(value >> i & 1));
}

void write_exceptions(const tile_exceptions *tiles, uint32_t tile_count, exception_size size, uint8_t *out) {
    fill_bytes(out, 0, (size_t)size.bytes);
    bit_writer w = {out, 0};
    gap_walk walk = {0, 0};
    for (uint32_t t = 0; t < tile_count; t++) {
        for (uint32_t i = 0; i < tiles[t].count; i++) {
            const uint64_t gap = gap_to(&walk, tiles[t].entries[i]);
            const int32_t value = value_of(tiles[t].entries[i]);
            const uint32_t magnitude = value < 0 ? (uint32_t)-value : (uint32_t)value;
            for (uint64_t q = gap >> size.rice; q > 0; q--) put_bit(&w, 1);
            put_bit(&w, 0);
            put_bits(&w, gap, size.rice);
            put_bit(&w, magnitude > 1);
            if (magnitude > 1) put_bits(&w, magnitude, MAGNITUDE_BITS);
            put_bit(&w, value < 0);
        }
        walk.base += tiles[t].skipped;
    }
}

/* ---- Reading ---- */

/* The next bits, least significant first; beyond the end they are 0 and `bit` passes `bits`. */
static uint32_t take_bits(exception_reader *r, uint32_t count) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < count; i++, r->bit++) {
        if (r->bit < r->bits) value |= (uint32_t)(r->data[r->bit / 8] >> r->bit % 8 & 1) << i;
    }
    return value;
}

/* Read the next exception of the list, if there is one. At most as many steps as there are bits. */
static int read_next(exception_reader *r) {
    r->pending = r->left > 0;
    if (!r->pending) return 1;
    r->left--;
    uint64_t quotient = 0;
    while (take_bits(r, 1) != 0) quotient++;
    r->gap = quotient << r->rice | take_bits(r, r->rice); /* quotient < 2^31 bits of a payload */
    uint32_t magnitude = 1;
    if (take_bits(r, 1) != 0) {
        magnitude = take_bits(r, MAGNITUDE_BITS);
        if (magnitude < 2) return 0;
    }
    if (magnitude > r->max) return 0;
    r->value = (int8_t)(take_bits(r, 1) != 0 ? -(int32_t)magnitude : (int32_t)magnitude);
    return r->bit <= r->bits;
}

int exceptions_begin(exception_reader *reader, const uint8_t *data, size_t size, uint32_t count,
                     uint32_t rice, uint32_t max) {
    reader->data = data;
    reader->bit = 0;
    reader->bits = (uint64_t)size * 8;
    reader->rice = rice;
    reader->left = count;
    reader->max = max;
    return read_next(reader);
}

int exceptions_apply(exception_reader *reader, const pico_kernels *kernels, const uint8_t *index, size_t n,
                     uint32_t threshold, int8_t *values) {
    size_t from = 0;
    while (reader->pending) {
        from = kernels->pass_skipped(index, n, threshold, from, &reader->gap);
        if (from == n) return 1; /* the next one lies in a later tile */
        values[from++] = reader->value;
        if (!read_next(reader)) return 0;
    }
    return 1;
}

int exceptions_end(const exception_reader *reader) {
    if (reader->pending || reader->bits - reader->bit >= 8) return 0;
    for (uint64_t bit = reader->bit; bit < reader->bits; bit++) {
        if ((reader->data[bit / 8] >> bit % 8 & 1) != 0) return 0;
    }
    return 1;
}
