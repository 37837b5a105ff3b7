/* Every kernel of every set against the scalar one: random input, every tail, buffers of exactly the promised
 * size. A comparison answers whether a set is the same, so that a planted wrong kernel can be shown to fail. */
#include "kernels.h"
#include "model.h"
#include "native.h"
#include "pico_cpu.h"
#include "test.h"
#include "mask_tables.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

enum { SAME = 1, DIFFERENT = 0 };
enum { AS_USUAL = 0, STRANGE = 1 };

/* Strange: rounds towards zero and takes subnormal numbers for 0. Returns whether this is known how to do here. */
static int set_float_modes(int modes) {
#if defined(__x86_64__)
    _mm_setcsr(modes == STRANGE ? 0xFFC0 : 0x1F80);
    return 1;
#elif defined(__aarch64__)
    const uint64_t bits = modes == STRANGE ? UINT64_C(0x1C00000) : 0;
    __asm__ volatile("msr fpcr, %0" : : "r"(bits));
    return 1;
#else
    (void)modes;
    return 0;
#endif
}

static const pico_kernels *scalar(void) {
    return kernels_select(PICO_CPU_SCALAR);
}

static int equal(const void *a, const void *b, size_t size) {
    return size == 0 || memcmp(a, b, size) == 0;
}

/* ---- Checksum ---- */

static int same_crc32c(const pico_kernels *set) {
    uint32_t random = 20;
    int same = SAME;
    for (size_t n = 0; n <= 130 && same; n++) {
        uint8_t *data = exactly(n);
        for (size_t i = 0; i < n; i++) data[i] = (uint8_t)random_u32(&random);
        for (int round = 0; round < 8 && same; round++) {
            const uint32_t seed = round == 0 ? 0 : random_u32(&random);
            const size_t from = random_u32(&random) % (n + 1); /* every alignment */
            same = scalar()->crc32c(seed, data + from, n - from) == set->crc32c(seed, data + from, n - from);
        }
        free(data);
    }
    return same;
}

/* ---- rANS ---- */

enum { ROWS = 5 };

typedef struct random_tables {
    uint32_t decode[ROWS * RANS_SLOTS];
    rans_entry encode[ROWS * ROW_VALUES];
    uint16_t cost[ROWS * ROW_ENTRIES];
    uint8_t escape_entry[ROWS];
} random_tables;

/* From nearly certain to flat, from two entries to as many as there can be. */
static random_tables *make_tables(void) {
    static const uint32_t entries[ROWS] = {2, 4, 9, 64, 128};
    static const uint32_t others[ROWS] = {1, 1, 100, 40, 30};
    random_tables *t = exactly(sizeof *t);
    for (uint32_t row = 0; row < ROWS; row++) {
        uint8_t frequencies[2 * ROW_ENTRIES];
        for (uint32_t s = 0; s < entries[row]; s++) {
            const uint32_t f = s > 0 ? others[row] : 4096 - (entries[row] - 1) * others[row];
            frequencies[2 * s] = (uint8_t)f;
            frequencies[2 * s + 1] = (uint8_t)(f >> 8);
        }
        build_table(frequencies, entries[row], t->decode + row * RANS_SLOTS, t->encode + row * ROW_VALUES,
                    t->cost + row * ROW_ENTRIES);
        t->escape_entry[row] = (uint8_t)(entries[row] - 1);
    }
    return t;
}

/* Decode with both; what is left in the readers has to be the same too, if the input is good. */
static int same_decode(const pico_kernels *set, const coding_tables *tables, const rans_reader *at,
                       const uint8_t *rows, size_t n, int *good) {
    rans_reader a = *at, b = *at;
    int8_t *x = exactly(n), *y = exactly(n);
    *good = scalar()->rans_decode(&a, tables, rows, n, x) != 0;
    const int also_good = set->rans_decode(&b, tables, rows, n, y) != 0;
    int same = *good == also_good;
    if (same && *good) {
        same = equal(x, y, n) && equal(a.state, b.state, 4 * at->lanes) && a.word == b.word &&
               a.escape == b.escape;
    }
    free(x);
    free(y);
    return same;
}

static int same_rans_once(const pico_kernels *set, random_tables *t, uint32_t lanes, size_t n,
                          uint32_t escape_rarity, uint32_t *random) {
    const coding_tables tables = {t->decode, t->encode, t->cost, t->escape_entry};
    uint8_t *rows = exactly(n), *words[2], *escapes[2];
    int8_t *values = exactly(n);
    for (size_t i = 0; i < n; i++) {
        rows[i] = (uint8_t)(random_u32(random) % ROWS);
        values[i] = (int8_t)((int32_t)(random_u32(random) % 255) - 127);
        if (random_u32(random) % escape_rarity != 0) values[i] = (int8_t)(values[i] % 2);
        if (escape_rarity > 100) rows[i] = (uint8_t)(1 + rows[i] % 4);
    }
    rans_writer writer[2];
    for (int side = 0; side < 2; side++) {
        words[side] = exactly(2 * n);
        escapes[side] = exactly(n);
        memset(words[side], 0, 2 * n);
        memset(escapes[side], 0, n);
        writer[side] = (rans_writer){{0}, lanes, words[side] + 2 * n, escapes[side] + n};
        for (uint32_t lane = 0; lane < lanes; lane++) writer[side].state[lane] = RANS_STATE_LOW + 77 * lane;
        (side == 0 ? scalar() : set)->rans_encode(&writer[side], &tables, rows, values, n);
    }
    const size_t word_size = (size_t)(words[0] + 2 * n - writer[0].word);
    const size_t escape_size = (size_t)(escapes[0] + n - writer[0].escape);
    int same = word_size == (size_t)(words[1] + 2 * n - writer[1].word) &&
               escape_size == (size_t)(escapes[1] + n - writer[1].escape) &&
               equal(writer[0].word, writer[1].word, word_size) &&
               equal(writer[0].escape, writer[1].escape, escape_size) &&
               equal(writer[0].state, writer[1].state, 4 * lanes);

    /* The stream, in buffers that end where it ends; then cut, then as garbage. */
    uint8_t *word = exactly(word_size), *escape = exactly(escape_size);
    if (word_size > 0) memcpy(word, writer[0].word, word_size);
    if (escape_size > 0) memcpy(escape, writer[0].escape, escape_size);
    rans_reader reader = {{0}, lanes, word, word + word_size, escape, escape + escape_size};
    memcpy(reader.state, writer[0].state, sizeof reader.state);
    int good = 0;
    same = same && same_decode(set, &tables, &reader, rows, n, &good) && good;
    for (size_t cut = 2; cut <= word_size && cut <= 8; cut += 2) {
        reader.word_end = word + word_size - cut;
        same = same && same_decode(set, &tables, &reader, rows, n, &good);
    }
    reader.word_end = word + word_size;
    for (size_t i = 0; i < word_size; i++) word[i] = (uint8_t)random_u32(random);
    same = same && same_decode(set, &tables, &reader, rows, n, &good);
    free(rows);
    free(values);
    free(word);
    free(escape);
    for (int side = 0; side < 2; side++) {
        free(words[side]);
        free(escapes[side]);
    }
    return same;
}

/* A segment of a stream: where a reader of it begins, and what it says. */
typedef struct segment {
    rans_reader reader;
    size_t n;
    uint8_t *rows, *words, *escapes;
} segment;

static segment make_segment(const coding_tables *tables, uint32_t lanes, size_t n, uint32_t escape_rarity,
                            uint32_t *random) {
    segment made = {.n = n, .rows = exactly(n)};
    int8_t *values = exactly(n);
    uint8_t *words = exactly(2 * n), *escapes = exactly(n);
    for (size_t i = 0; i < n; i++) {
        made.rows[i] = (uint8_t)(1 + random_u32(random) % (ROWS - 1));
        values[i] = (int8_t)(random_u32(random) % 2);
        if (random_u32(random) % escape_rarity == 0) values[i] = (int8_t)((int32_t)(random_u32(random) % 255) - 127);
    }
    rans_writer writer = {{0}, lanes, words + 2 * n, escapes + n};
    for (uint32_t lane = 0; lane < lanes; lane++) writer.state[lane] = RANS_STATE_LOW + 77 * lane;
    scalar()->rans_encode(&writer, tables, made.rows, values, n);
    const size_t word_size = (size_t)(words + 2 * n - writer.word);
    const size_t escape_size = (size_t)(escapes + n - writer.escape);
    made.words = exactly(word_size);
    made.escapes = exactly(escape_size);
    if (word_size > 0) memcpy(made.words, writer.word, word_size);
    if (escape_size > 0) memcpy(made.escapes, writer.escape, escape_size);
    made.reader = (rans_reader){{0}, lanes, made.words, made.words + word_size, made.escapes, made.escapes + escape_size};
    memcpy(made.reader.state, writer.state, sizeof writer.state);
    free(values);
    free(words);
    free(escapes);
    return made;
}

/* What is wrong with a segment: nothing, a word too few, an escape too few, garbage. */
enum { WHOLE, CUT_WORD, CUT_ESCAPE, GARBAGE, DAMAGES };

static void damage(segment *s, uint32_t how, uint32_t *random) {
    if (how == CUT_WORD && s->reader.word_end > s->reader.word) s->reader.word_end -= 2;
    if (how == CUT_ESCAPE && s->reader.escape_end > s->reader.escape) s->reader.escape_end--;
    const size_t size = (size_t)(s->reader.word_end - s->reader.word);
    for (size_t i = 0; how == GARBAGE && i < size; i++) s->words[i] = (uint8_t)random_u32(random);
}

static int same_together_once(const pico_kernels *set, const coding_tables *tables, uint32_t lanes, uint32_t count,
                              const size_t *n, uint32_t escape_rarity, uint32_t damages, uint32_t *random) {
    segment s[PICO_MAX_TOGETHER];
    rans_reader alone[PICO_MAX_TOGETHER], together[PICO_MAX_TOGETHER], *readers[PICO_MAX_TOGETHER] = {NULL};
    const uint8_t *rows[PICO_MAX_TOGETHER] = {NULL};
    int8_t *expected[PICO_MAX_TOGETHER], *out[PICO_MAX_TOGETHER] = {NULL};
    uint32_t good = 0;
    for (uint32_t i = 0; i < count; i++, damages /= DAMAGES) {
        s[i] = make_segment(tables, lanes, n[i], escape_rarity, random);
        damage(&s[i], damages % DAMAGES, random);
        alone[i] = together[i] = s[i].reader;
        readers[i] = &together[i];
        rows[i] = s[i].rows;
        expected[i] = exactly(n[i]);
        out[i] = exactly(n[i]);
        good |= (uint32_t)(scalar()->rans_decode(&alone[i], tables, rows[i], n[i], expected[i]) != 0) << i;
    }
    int same = set->rans_decode_together(readers, tables, rows, n, out, count) == good;
    for (uint32_t i = 0; i < count; i++) {
        if (good >> i & 1) {
            same = same && equal(expected[i], out[i], n[i]) && equal(alone[i].state, together[i].state, 4 * lanes) &&
                   alone[i].word == together[i].word && alone[i].escape == together[i].escape;
        }
        free(s[i].rows);
        free(s[i].words);
        free(s[i].escapes);
        free(expected[i]);
        free(out[i]);
    }
    return same;
}

static int same_together(const pico_kernels *set) {
    static const uint32_t lanes[] = {4, 16, 32};
    random_tables *t = make_tables();
    const coding_tables tables = {t->decode, t->encode, t->cost, t->escape_entry};
    uint32_t random = 27;
    int same = SAME;
    for (uint32_t round = 0; round < 3000 && same; round++) {
        const uint32_t longest = round % 7 == 0 ? 3000 : 200, count = 2 + random_u32(&random) % (PICO_MAX_TOGETHER - 1);
        size_t n[PICO_MAX_TOGETHER];
        for (uint32_t i = 0; i < count; i++) n[i] = random_u32(&random) % longest;
        const uint32_t damages = round % 2 == 0 ? 0 : random_u32(&random) % (DAMAGES * DAMAGES * DAMAGES);
        same = same_together_once(set, &tables, lanes[round % 3], count, n, round % 5 == 0 ? 5 : 300, damages, &random);
    }
    free(t);
    return same;
}

static int same_rans(const pico_kernels *set) {
    static const uint32_t lanes[] = {4, 16, 32};
    random_tables *t = make_tables();
    uint32_t random = 21;
    int same = SAME;
    for (int i = 0; i < 3 && same; i++) {
        for (size_t n = 0; n <= 3 * (size_t)lanes[i] + 1 && same; n++) {
            same = same_rans_once(set, t, lanes[i], n, 4, &random) &&
                   same_rans_once(set, t, lanes[i], n, 1000, &random);
        }
        same = same && same_rans_once(set, t, lanes[i], 5003, 20, &random) &&
               same_rans_once(set, t, lanes[i], 5003, 5000, &random);
    }
    free(t);
    return same;
}

/* ---- Skip ---- */

static int same_skip_once(const pico_kernels *set, size_t n, uint32_t threshold, uint32_t range,
                          uint32_t *random) {
    const pico_kernels *reference = scalar();
    uint8_t *index = exactly(n), *kept[4];
    int8_t *values = exactly(n), *active[2], *out[2];
    uint32_t *entries[2];
    for (size_t i = 0; i < n; i++) {
        index[i] = (uint8_t)(random_u32(random) % range);
        values[i] = random_u32(random) % 3 == 0 ? (int8_t)random_u32(random) : 0;
    }
    for (int i = 0; i < 4; i++) kept[i] = exactly(n);
    for (int i = 0; i < 2; i++) {
        active[i] = exactly(n);
        out[i] = exactly(n);
        entries[i] = exactly(n * sizeof **entries);
    }
    const size_t count = reference->compact(index, n, threshold, kept[0]);
    int same = set->compact(index, n, threshold, kept[1]) == count && equal(kept[0], kept[1], count);
    const skip_split found = reference->split(index, values, n, threshold, kept[2], active[0], entries[0]);
    const skip_split also = set->split(index, values, n, threshold, kept[3], active[1], entries[1]);
    same = same && found.active == count && also.active == count && also.exceptions == found.exceptions &&
           equal(kept[2], kept[3], count) && equal(active[0], active[1], count) &&
           equal(entries[0], entries[1], found.exceptions * sizeof **entries);

    int8_t *padded = exactly(count + EXPAND_PADDING); /* no more than expand may read */
    memset(padded, 0x55, count + EXPAND_PADDING);
    if (count > 0) memcpy(padded, active[0], count);
    reference->expand(index, padded, n, threshold, out[0]);
    set->expand(index, padded, n, threshold, out[1]);
    same = same && equal(out[0], out[1], n);

    for (int i = 0; i < 6 && same; i++) {
        const size_t from = random_u32(random) % (n + 1);
        uint64_t gap = random_u32(random) % (n + 2), gap_again = gap;
        same = reference->pass_skipped(index, n, threshold, from, &gap) ==
                   set->pass_skipped(index, n, threshold, from, &gap_again) &&
               gap == gap_again;
    }
    free(index);
    free(values);
    free(padded);
    for (int i = 0; i < 4; i++) free(kept[i]);
    for (int i = 0; i < 2; i++) {
        free(active[i]);
        free(out[i]);
        free(entries[i]);
    }
    return same;
}

static int same_skip(const pico_kernels *set) {
    uint32_t random = 22;
    int same = SAME;
    for (size_t n = 0; n <= 260 && same; n++) {
        for (uint32_t threshold = 0; threshold < 8 && same; threshold += 3)
            same = same_skip_once(set, n, threshold, 8, &random);
        same = same && same_skip_once(set, n, 100, PICO_MAX_Y_TABLES, &random);
    }
    return same && same_skip_once(set, 4001, 6, 8, &random) && same_skip_once(set, 4001, 1, 64, &random);
}

/* ---- Integer network ---- */

static uint32_t below(uint32_t limit, uint32_t *random) {
    return random_u32(random) % limit;
}

static void run_layer(const pico_kernels *set, const network_layer *layer, int first, const uint8_t *in,
                      uint8_t *out) {
    const int8_t *z = (const int8_t *)in;
    if (layer->depthwise && first) set->depthwise_first(layer, layer->bias, z, out);
    if (layer->depthwise && !first) set->depthwise(layer, layer->bias, in, out);
    if (!layer->depthwise && first) set->pointwise_first(layer, layer->bias, z, out);
    if (!layer->depthwise && !first) set->pointwise(layer, layer->bias, in, out);
}

/* A layer whose bounds hold, most of the way to the limit: what the loader would let through. */
static int same_layer(const pico_kernels *set, network_layer layer, int first, int wide, uint32_t *random) {
    const uint32_t taps = layer.depthwise ? 9 : layer.inputs;
    const size_t pixels = (size_t)layer.side * layer.side, out_size = layer.outputs * pixels;
    const size_t in_size = layer.inputs * pixels, weights = (size_t)layer.outputs * taps;
    int8_t *weight = exactly(weights);
    int32_t *multiplier = exactly(layer.outputs * sizeof *multiplier);
    int32_t *bias = exactly(layer.outputs * sizeof *bias);
    uint8_t *in = exactly(in_size), *out[2] = {exactly(out_size), exactly(out_size)};
    const int extreme = below(3, random) == 0;
    for (size_t i = 0; i < weights; i++)
        weight[i] = extreme ? (int8_t)(below(2, random) ? 127 : -128) : (int8_t)random_u32(random);
    for (size_t i = 0; i < in_size; i++) {
        in[i] = extreme ? (uint8_t)(below(2, random) ? 255 : 0) : (uint8_t)random_u32(random);
        if (first) in[i] = (uint8_t)((int32_t)(in[i] % 255) - 127);
    }
    layer.wide = (uint32_t)wide;
    layer.shift = wide ? 24 + below(20, random) : below(25, random);
    layer.ceiling = 255;
    layer.result_shift = 0;
    if (below(2, random)) {
        layer.result_shift = 1 + below(10, random);
        layer.ceiling = 63u << layer.result_shift;
    }
    layer.accumulator_bound = 0;
    layer.product_bound = 0;
    const int64_t half = layer.shift > 0 ? (int64_t)1 << (layer.shift - 1) : 0;
    for (uint32_t o = 0; o < layer.outputs; o++) {
        int64_t bound = 1;
        for (uint32_t i = 0; i < taps; i++)
            bound += (int64_t)abs(weight[o * (size_t)taps + i]) * (first ? 127 : 255);
        bias[o] = (int32_t)below(1u << 29, random) - (1 << 28);
        const int64_t room = INT32_MAX - labs(bias[o]) - half;
        const int64_t largest = wide ? INT32_MAX : room / bound;
        multiplier[o] = largest <= 0 ? 0 : (int32_t)(largest - largest / (1 + below(40, random)) / 2);
        const int64_t product = bound * multiplier[o] + labs(bias[o]) + half;
        if (bound > layer.accumulator_bound) layer.accumulator_bound = bound;
        if (product > layer.product_bound) layer.product_bound = product;
    }
    layer.weight = weight;
    layer.multiplier = multiplier;
    layer.bias = bias;
    memset(out[0], 1, out_size);
    memset(out[1], 2, out_size);
    for (int side = 0; side < 2; side++) run_layer(side == 0 ? scalar() : set, &layer, first, in, out[side]);
    int same = equal(out[0], out[1], out_size);
    if (layer.upsample == UPSAMPLE_SHUFFLE && set->shuffled != NULL) {
        uint8_t *at_once = exactly(out_size);
        memset(at_once, 3, out_size);
        scalar()->upsample(&layer, out[0], out[1]);
        const int done = first ? set->shuffled_first(&layer, bias, (int8_t *)in, at_once)
                               : set->shuffled(&layer, bias, in, at_once);
        same = same && (!done || equal(out[1], at_once, out_size));
        free(at_once);
    }
    free(weight);
    free(multiplier);
    free(bias);
    free(in);
    free(out[0]);
    free(out[1]);
    return same;
}

static const uint32_t sides[] = {1, 2, 3, 4, 5, 8, 12, 16, 32, 33};
static const uint32_t channels[] = {1, 2, 3, 4, 5, 16, 31, 64, 70};
enum { SIDES = sizeof sides / sizeof *sides, CHANNELS = sizeof channels / sizeof *channels };

static int same_network(const pico_kernels *set) {
    uint32_t random = 23;
    int same = SAME;
    for (size_t s = 0; s < SIDES && same; s++) {
        for (size_t c = 0; c < CHANNELS && same; c++) {
            for (int variant = 0; variant < 8 && same; variant++) {
                network_layer layer = {0};
                layer.side = sides[s];
                layer.depthwise = variant & 1;
                layer.inputs = channels[c];
                layer.outputs = layer.depthwise ? channels[c] : 1 + below(20, &random);
                same = same_layer(set, layer, variant >> 1 & 1, variant >> 2, &random);
            }
        }
    }
    return same;
}

static int same_shuffled(const pico_kernels *set) {
    uint32_t random = 26;
    int same = SAME;
    for (size_t s = 0; s < SIDES && same; s++) {
        for (size_t c = 0; c < CHANNELS && same; c++) {
            for (int variant = 0; variant < 8 && same; variant++) {
                network_layer layer = {0};
                layer.side = sides[s];
                layer.inputs = channels[c];
                layer.upsample = UPSAMPLE_SHUFFLE;
                layer.factor = variant & 1 ? 2 : 4;
                layer.outputs = layer.factor * layer.factor * (1 + below(3, &random));
                same = same_layer(set, layer, variant >> 1 & 1, variant >> 2, &random);
            }
        }
    }
    return same;
}

static int same_upsample(const pico_kernels *set) {
    uint32_t random = 24;
    int same = SAME;
    for (uint32_t side = 1; side <= 35 && same; side++) {
        for (uint32_t variant = 0; variant < 4 && same; variant++) {
            network_layer layer = {0};
            layer.side = side;
            layer.upsample = variant & 1 ? UPSAMPLE_SHUFFLE : UPSAMPLE_NEAREST;
            layer.factor = variant & 2 ? 4 : 2;
            const uint32_t squared = layer.factor * layer.factor;
            layer.outputs = layer.upsample == UPSAMPLE_SHUFFLE ? 3 * squared : 3;
            const size_t in_size = (size_t)layer.outputs * side * side;
            const size_t out_size = (size_t)3 * squared * side * side;
            uint8_t *in = exactly(in_size), *out[2] = {exactly(out_size), exactly(out_size)};
            for (size_t i = 0; i < in_size; i++) in[i] = (uint8_t)random_u32(&random);
            scalar()->upsample(&layer, in, out[0]);
            set->upsample(&layer, in, out[1]);
            same = equal(out[0], out[1], out_size);
            free(in);
            free(out[0]);
            free(out[1]);
        }
    }
    return same;
}

/* ---- Pixels ---- */

/* Bit patterns of every kind: around the half steps of v/255, and at random. */
static uint32_t sample_bits(uint32_t *random) {
    switch (below(6, random)) {
    case 0: return random_u32(random);
    case 1: return 0x7F800000u + below(3, random) - 1;
    case 2: return 0x3F800000u + below(3, random) - 1;
    case 3: return 0x80000000u | below(1u << 24, random);
    default: return below(0x3F900000u, random);
    }
}

static int same_pixels_once(const pico_kernels *set, size_t n, ptrdiff_t step, size_t apart, uint32_t *random) {
    uint32_t wide[256];
    uint16_t narrow[256];
    for (uint32_t i = 0; i < 256; i++) {
        wide[i] = float_from_ratio(FLOAT32, i, 255);
        narrow[i] = (uint16_t)float_from_ratio(FLOAT16, i, 255);
    }
    const size_t pixel_size = n == 0 ? 0 : apart * (n - 1) + 1, distance = (size_t)(step < 0 ? -step : step);
    const size_t tensor_size = n == 0 ? 0 : (n - 1) * distance + 4;
    const size_t start = step < 0 && n > 0 ? (n - 1) * distance : 0;
    uint8_t *pixels = exactly(pixel_size), *tensor = exactly(tensor_size);
    uint8_t *out[2] = {exactly(tensor_size), exactly(tensor_size)};
    uint8_t *back[2] = {exactly(pixel_size), exactly(pixel_size)};
    for (size_t i = 0; i < pixel_size; i++)
        pixels[i] = n < 256 ? (uint8_t)random_u32(random) : (uint8_t)(i / apart); /* all there are */
    for (size_t i = 0; i + 4 <= tensor_size; i += 2) {
        const uint32_t bits = sample_bits(random) >> (step == 2 || i % 3 == 0 ? 16 : 0);
        memcpy(tensor + i, &bits, i % 4 == 0 ? 4 : 2);
    }
    int same = SAME;
    for (int half = 0; half < 2; half++) {
        size_t nans[2] = {0, 0};
        if (half == 0 && distance < 4) continue;
        for (int side = 0; side < 2; side++) {
            const pico_kernels *kernels = side == 0 ? scalar() : set;
            memset(out[side], 0x11, tensor_size);
            memset(back[side], 0x22, pixel_size); /* the other channels' pixels have to stay */
            if (half) {
                kernels->pixels_in_f16(narrow, pixels, apart, n, out[side] + start, step);
                nans[side] = kernels->pixels_out_f16(tensor + start, step, n, back[side], apart);
            } else {
                kernels->pixels_in_f32(wide, pixels, apart, n, out[side] + start, step);
                nans[side] = kernels->pixels_out_f32(tensor + start, step, n, back[side], apart);
            }
        }
        same = same && nans[0] == nans[1] && equal(out[0], out[1], tensor_size) &&
               equal(back[0], back[1], pixel_size);
    }
    free(pixels);
    free(tensor);
    for (int side = 0; side < 2; side++) {
        free(out[side]);
        free(back[side]);
    }
    return same;
}

static int same_bytes(const pico_kernels *set, const uint8_t *tensor, size_t n, int half) {
    uint8_t *out[2] = {exactly(3 * n - 2), exactly(3 * n - 2)};
    size_t nans[2];
    for (int side = 0; side < 2; side++) {
        const pico_kernels *kernels = side == 0 ? scalar() : set;
        memset(out[side], 0, 3 * n - 2);
        nans[side] = half ? kernels->pixels_out_f16(tensor, 2, n, out[side], 3)
                          : kernels->pixels_out_f32(tensor, 4, n, out[side], 3);
    }
    const int same = nans[0] == nans[1] && equal(out[0], out[1], 3 * n - 2);
    free(out[0]);
    free(out[1]);
    return same;
}

/* All halves, and the floats around every place where the pixel changes. */
static int same_where_it_matters(const pico_kernels *set) {
    enum { HALVES = 1 << 16, NEAR = 3, FLOATS = 256 * (2 * NEAR + 1) };
    uint8_t *halves = exactly(2 * HALVES), *floats = exactly(4 * FLOATS), *at = floats;
    for (uint32_t i = 0; i < HALVES; i++) store_u16(halves + 2 * i, i);
    for (uint32_t v = 0; v < 256; v++) {
        const float step = (float)((2.0 * v + 1) / 510);
        uint32_t bits;
        memcpy(&bits, &step, sizeof bits);
        for (uint32_t near = 0; near <= 2 * NEAR; near++, at += 4) store_u32(at, bits + near - NEAR);
    }
    const int same = same_bytes(set, halves, HALVES, 1) && same_bytes(set, floats, FLOATS, 0);
    free(halves);
    free(floats);
    return same;
}

static int same_pixels(const pico_kernels *set) {
    static const ptrdiff_t steps[] = {2, 4, 6, 12, -4, -2, 20};
    uint32_t random = 25;
    int same = SAME;
    for (size_t n = 0; n <= 100 && same; n++) {
        for (size_t s = 0; s < sizeof steps / sizeof *steps && same; s++)
            same = same_pixels_once(set, n, steps[s], 3, &random) && same_pixels_once(set, n, steps[s], 1, &random);
    }
    for (size_t apart = 1; apart <= 3 && same; apart += 2)
        same = same_pixels_once(set, 3001, 4, apart, &random) && same_pixels_once(set, 3001, 2, apart, &random);
    return same && same_where_it_matters(set);
}

/* ---- Symbols ---- */

/* A whole number, or at times a float that is none, or too large. */
static uint32_t symbol_bits(float_format format, uint32_t rarity, uint32_t *random) {
    const uint32_t bits = float_from_integer(format, (int32_t)below(below(rarity, random) != 0 ? 81 : 257, random) - 40);
    if (below(rarity, random) != 0) return below(9, random) == 0 ? bits & format.sign : bits;
    switch (below(3, random)) {
    case 0: return random_u32(random) & (2 * format.sign - 1);
    case 1: return bits ^ 1u << below(format.mantissa_bits, random);
    default: return bits + (1u << format.mantissa_bits);
    }
}

static int same_symbols_once(const pico_kernels *set, size_t n, uint32_t max, uint32_t rarity,
                             uint32_t *random) {
    uint8_t *wide = exactly(4 * n), *narrow = exactly(2 * n), *floats[2] = {exactly(4 * n), exactly(4 * n)};
    int8_t *out[2] = {exactly(n), exactly(n)};
    uint32_t table_f32[256];
    uint16_t table_f16[256];
    for (uint32_t v = 0; v < 256; v++) {
        table_f32[v] = float_from_integer(FLOAT32, (int32_t)v - 256 * (v > 127));
        table_f16[v] = (uint16_t)float_from_integer(FLOAT16, (int32_t)v - 256 * (v > 127));
    }
    for (size_t i = 0; i < n; i++) {
        store_u32(wide + 4 * i, symbol_bits(FLOAT32, rarity, random));
        store_u16(narrow + 2 * i, (uint16_t)symbol_bits(FLOAT16, rarity, random));
    }
    int same = SAME;
    for (int half = 0; half < 2; half++) {
        int good[2];
        for (int side = 0; side < 2; side++) {
            const pico_kernels *kernels = side == 0 ? scalar() : set;
            good[side] = half ? kernels->symbols_in_f16(narrow, n, max, out[side])
                              : kernels->symbols_in_f32(wide, n, max, out[side]);
            if (half) {
                kernels->symbols_out_f16(table_f16, out[0], n, floats[side]);
            } else {
                kernels->symbols_out_f32(table_f32, out[0], n, floats[side]);
            }
        }
        same = same && !good[0] == !good[1] && (!good[0] || equal(out[0], out[1], n)) &&
               equal(floats[0], floats[1], (half ? 2 : 4) * n);
    }
    free(wide);
    free(narrow);
    for (int side = 0; side < 2; side++) {
        free(floats[side]);
        free(out[side]);
    }
    return same;
}

/* All halves, one in a vector of zeros. */
static int same_halves(const pico_kernels *set) {
    enum { N = 16 };
    uint8_t *halves = exactly(2 * N);
    int8_t *out[2] = {exactly(N), exactly(N)};
    int same = SAME;
    for (uint32_t half = 0; half <= 0xFFFF && same; half++) {
        const uint32_t at = half % N;
        memset(halves, 0, 2 * N);
        store_u16(halves + 2 * at, half);
        const int good = scalar()->symbols_in_f16(halves, N, 127, out[0]);
        same = !good == !set->symbols_in_f16(halves, N, 127, out[1]) && (!good || equal(out[0], out[1], N));
    }
    free(halves);
    free(out[0]);
    free(out[1]);
    return same;
}

static int same_symbols(const pico_kernels *set) {
    uint32_t random = 26;
    int same = same_halves(set);
    for (size_t n = 0; n <= 140 && same; n++) {
        for (uint32_t rarity = 10; rarity <= 100000 && same; rarity *= 100)
            same = same_symbols_once(set, n, 127, rarity, &random);
        same = same && same_symbols_once(set, n, 40, 1000, &random);
    }
    return same && same_symbols_once(set, 3001, 127, 1000000, &random);
}

/* ---- The promise and its controls ---- */

typedef struct family {
    const char *kernels;
    int (*same)(const pico_kernels *set);
} family;

static const family families[] = {
    {"rans_decode, rans_encode", same_rans},
    {"compact, split, expand, pass_skipped", same_skip},
    {"pointwise_first, pointwise, depthwise_first, depthwise", same_network},
    {"upsample", same_upsample},
    {"shuffled_first, shuffled", same_shuffled},
    {"pixels_in_f32, pixels_in_f16, pixels_out_f32, pixels_out_f16", same_pixels},
    {"symbols_in_f32, symbols_in_f16, symbols_out_f32, symbols_out_f16", same_symbols},
    {"crc32c", same_crc32c},
    {"rans_decode_together", same_together},
};
enum {
    FAMILIES = sizeof families / sizeof *families,
    FAMILY_SHUFFLED = 4,
    FAMILY_PIXELS = 5,
    FAMILY_SYMBOLS = 6,
    FAMILY_CRC32C = 7,
    FAMILY_TOGETHER = 8
};

static void every_set_is_the_same_as_scalar(void) {
    size_t count = 0;
    const kernel_set *sets = kernel_sets(&count);
    const uint32_t has = pico_cpu_detect();
    for (size_t s = 0; s < count; s++) {
        for (int f = 0; f < FAMILIES; f++) {
            const int runnable = (sets[s].needs & ~has) == 0;
            if (f == FAMILY_SHUFFLED && sets[s].kernels.shuffled == NULL) continue; /* two steps there */
            if (f == FAMILY_TOGETHER && sets[s].kernels.rans_decode_together == NULL) continue; /* one by one */
            printf("    %-9s %-17s %s\n", sets[s].kernels.name, runnable ? "verified" : "not runnable here",
                   families[f].kernels);
            if (!runnable) continue;
            REQUIRE(families[f].same(&sets[s].kernels) == SAME);
            if (f != FAMILY_PIXELS && f != FAMILY_SYMBOLS) continue; /* those with floats */
            set_float_modes(STRANGE);
            const int same = families[f].same(&sets[s].kernels);
            set_float_modes(AS_USUAL);
            REQUIRE(same == SAME);
        }
    }
    REQUIRE(strcmp(sets[count - 1].kernels.name, "scalar") == 0 && sets[count - 1].needs == 0);
}

static int wrong_decode(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,
                        int8_t *out) {
    const int good = scalar()->rans_decode(reader, tables, rows, n, out);
    if (n == 37) out[36] ^= 1;
    return good;
}

/* A segment that fails takes the next ones with it. */
static uint32_t wrong_together(rans_reader *const *reader, const coding_tables *tables, const uint8_t *const *rows,
                               const size_t *n, int8_t *const *out, uint32_t count) {
    for (uint32_t s = 0; s < count; s++) {
        if (!scalar()->rans_decode(reader[s], tables, rows[s], n[s], out[s])) return (1u << s) - 1;
    }
    return (1u << count) - 1;
}

/* Where the second segment is much longer than the first, a symbol of it is decoded twice. */
static uint32_t long_together(rans_reader *const *reader, const coding_tables *tables, const uint8_t *const *rows,
                              const size_t *n, int8_t *const *out, uint32_t count) {
    uint32_t good = 0;
    for (uint32_t s = 0; s < count; s++)
        good |= (uint32_t)(scalar()->rans_decode(reader[s], tables, rows[s], n[s], out[s]) != 0) << s;
    if (n[1] > n[0] + 150) out[1][n[0]] = out[1][n[0] + 1];
    return good;
}

static void wrong_encode(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                         const int8_t *values, size_t n) {
    scalar()->rans_encode(writer, tables, rows, values, n);
    if (n == 41) writer->state[3]++;
}

static void wrong_expand(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                         int8_t *out) {
    scalar()->expand(index, values, n, threshold == 3 && n == 65 ? 4 : threshold, out);
}

static skip_split wrong_split(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                              uint8_t *out_index, int8_t *out_values, uint32_t *entries) {
    const skip_split found = scalar()->split(index, values, n, threshold, out_index, out_values, entries);
    if (n == 77 && found.exceptions > 0) entries[found.exceptions - 1] += 256;
    return found;
}

static size_t wrong_pass(const uint8_t *index, size_t n, uint32_t threshold, size_t from, uint64_t *gap) {
    const size_t at = scalar()->pass_skipped(index, n, threshold, from, gap);
    return n == 129 ? at + (at < n) : at;
}

static void wrong_pointwise(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out) {
    scalar()->pointwise(layer, bias, in, out);
    if (layer->side == 5) out[(size_t)layer->side * layer->side * layer->outputs - 1] ^= 1;
}

static int wrong_shuffled(const network_layer *layer, const int32_t *bias, const uint8_t *in, uint8_t *out) {
    uint8_t *sums = exactly((size_t)layer->outputs * layer->side * layer->side);
    scalar()->pointwise(layer, bias, in, sums);
    scalar()->upsample(layer, sums, out);
    if (layer->side == 12 && layer->factor == 4) out[17] ^= 1;
    free(sums);
    return layer->side < 33;
}

static int never_shuffled(const network_layer *layer, const int32_t *bias, const int8_t *in, uint8_t *out) {
    (void)layer, (void)bias, (void)in, (void)out;
    return 0;
}

static void wrong_upsample(const network_layer *layer, const uint8_t *in, uint8_t *out) {
    scalar()->upsample(layer, in, out);
    if (layer->side == 9) out[9] ^= 1;
}

static size_t wrong_pixels(const uint8_t *in, ptrdiff_t step, size_t n, uint8_t *out, size_t apart) {
    return scalar()->pixels_out_f32(in, step, n, out, apart) + (n == 33 && apart == 1);
}

/* Right as long as divisions round to nearest. */
static void divided_pixels(const uint32_t table[256], const uint8_t *in, size_t apart, size_t n, uint8_t *out,
                           ptrdiff_t step) {
    (void)table;
    volatile float white = 255;
    for (size_t i = 0; i < n; i++, out += step) {
        const float ratio = (float)in[apart * i] / white;
        memcpy(out, &ratio, sizeof ratio);
    }
}

static void a_kernel_that_heeds_float_modes_is_seen(void) {
    pico_kernels set = *scalar();
    set.pixels_in_f32 = divided_pixels;
    REQUIRE(same_pixels(&set) == SAME);
    if (!set_float_modes(STRANGE)) return;
    const int same = same_pixels(&set);
    set_float_modes(AS_USUAL);
    REQUIRE(same == DIFFERENT);
}

/* Takes what is nearly an integer for one. */
static int wrong_symbols(const uint8_t *in, size_t n, uint32_t max, int8_t *out) {
    uint8_t *rounded = exactly(4 * n);
    for (size_t i = 0; i < n; i++) store_u32(rounded + 4 * i, load_u32(in + 4 * i) & ~0xFFFFu);
    const int good = scalar()->symbols_in_f32(rounded, n, max, out);
    free(rounded);
    return good;
}

/* Forgets the last bytes of what is no multiple of eight. */
static uint32_t wrong_crc32c(uint32_t seed, const uint8_t *data, size_t size) {
    return scalar()->crc32c(seed, data, size > 100 ? size & ~(size_t)7 : size);
}

static void a_wrong_kernel_is_seen(void) {
    for (int f = 0; f < 13; f++) {
        pico_kernels set = *scalar();
        int family = 0;
        switch (f) {
        case 0: set.rans_decode = wrong_decode; break;
        case 1: set.rans_encode = wrong_encode; break;
        case 2: set.expand = wrong_expand, family = 1; break;
        case 3: set.pass_skipped = wrong_pass, family = 1; break;
        case 4: set.pointwise = wrong_pointwise, family = 2; break;
        case 5: set.upsample = wrong_upsample, family = 3; break;
        case 6:
            set.shuffled = wrong_shuffled, family = FAMILY_SHUFFLED;
            set.shuffled_first = never_shuffled;
            break;
        case 7: set.split = wrong_split, family = 1; break;
        case 9: set.crc32c = wrong_crc32c, family = FAMILY_CRC32C; break;
        case 8: set.symbols_in_f32 = wrong_symbols, family = FAMILY_SYMBOLS; break;
        case 10: set.rans_decode_together = wrong_together, family = FAMILY_TOGETHER; break;
        case 11: set.rans_decode_together = long_together, family = FAMILY_TOGETHER; break;
        default: set.pixels_out_f32 = wrong_pixels, family = FAMILY_PIXELS; break;
        }
        REQUIRE(families[family].same(&set) == DIFFERENT);
    }
}

static void a_set_needs_all_of_its_flags(void) {
    size_t count = 0;
    const kernel_set *sets = kernel_sets(&count);
    REQUIRE(kernels_select(UINT32_MAX) == &sets[0].kernels);
    for (size_t s = 0; s + 1 < count; s++) {
        REQUIRE(kernels_select(sets[s].needs) == &sets[s].kernels);
        for (uint32_t flag = 1; flag != 0; flag <<= 1) {
            if (sets[s].needs & flag) REQUIRE(kernels_select(sets[s].needs & ~flag) != &sets[s].kernels);
        }
    }
}

static void tables_of_masks_are_what_they_say(void) {
    for (uint32_t mask = 0; mask < 256; mask++) {
        uint32_t below_bit = 0;
        for (uint32_t bit = 0; bit < 8; bit++) {
            REQUIRE((bits_below[mask] >> 8 * bit & 0xFF) == below_bit);
            if (mask >> bit & 1) {
                REQUIRE((set_bits_of[mask] >> 8 * below_bit & 0xFF) == bit);
                below_bit++;
            }
        }
        for (; below_bit < 8; below_bit++) REQUIRE((set_bits_of[mask] >> 8 * below_bit & 0xFF) == 7);
    }
}

static void tables_of_lanes_are_what_they_say(void) {
    for (uint32_t mask = 0; mask < 16; mask++) {
        uint8_t to_lanes[16], of_lanes[8];
        memset(to_lanes, 0x80, sizeof to_lanes);
        memset(of_lanes, 0x80, sizeof of_lanes);
        uint8_t before = 0, all = 0;
        for (uint32_t lane = 0; lane < 4; lane++) all = (uint8_t)(all + (mask >> lane & 1));
        for (uint32_t lane = 0; lane < 4; lane++) {
            if ((mask >> lane & 1) == 0) continue;
            for (uint32_t byte = 0; byte < 2; byte++) {
                to_lanes[4 * lane + byte] = (uint8_t)(2 * before + byte);
                of_lanes[8 - 2 * (all - before) + (int)byte] = (uint8_t)(4 * lane + byte);
            }
            before++;
        }
        REQUIRE(equal(words_to_lanes[mask], to_lanes, sizeof to_lanes));
        REQUIRE(equal(words_of_lanes[mask], of_lanes, sizeof of_lanes));
    }
}

const test_case set_tests[] = {
    {"every kernel of every set gives the same bytes as scalar", every_set_is_the_same_as_scalar},
    {"a wrong kernel is seen", a_wrong_kernel_is_seen},
    {"a kernel that heeds float modes is seen", a_kernel_that_heeds_float_modes_is_seen},
    {"a set is chosen only if all of its flags are set", a_set_needs_all_of_its_flags},
    {"the tables of masks are what they say", tables_of_masks_are_what_they_say},
    {"the tables of lanes are what they say", tables_of_lanes_are_what_they_say},
    {NULL, NULL},
};
