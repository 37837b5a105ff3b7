/* Interleaved rANS, NEON: sixteen lanes at a time, in four vectors. There is no gather, so table entries come
 * by scalar loads; everything else is vectors. Where each vector's words begin is known for all four at once,
 * so they do not wait for each other. */
#include "../arm.h"
#include "../rans_step.h"

#ifdef PICO_NEON

enum { GROUP = 16, WIDTH = 4, VECTORS = GROUP / WIDTH, MAX_GROUPS = PICO_MAX_LANES / GROUP };

/* A state, an entry or a mask of each of sixteen lanes. */
typedef struct group {
    uint32x4_t part[VECTORS];
} group;

static inline group load_states(const uint32_t *state) {
    group x;
    for (int v = 0; v < VECTORS; v++) x.part[v] = vld1q_u32(state + v * WIDTH);
    return x;
}

static inline void store_states(uint32_t *state, const group *x) {
    for (int v = 0; v < VECTORS; v++) vst1q_u32(state + v * WIDTH, x->part[v]);
}

/* The low bytes of the lanes. */
static inline uint8x16_t low_bytes(const group *g) {
    const uint16x8_t low = vuzp1q_u16(vreinterpretq_u16_u32(g->part[0]), vreinterpretq_u16_u32(g->part[1]));
    const uint16x8_t high = vuzp1q_u16(vreinterpretq_u16_u32(g->part[2]), vreinterpretq_u16_u32(g->part[3]));
    return vuzp1q_u8(vreinterpretq_u8_u16(low), vreinterpretq_u8_u16(high));
}

/* Which lanes take, or give, a word. */
typedef struct selection {
    uint32_t masks; /* byte v: four bits, those of vector v */
    uint32_t bytes; /* byte v: what the words of vectors 0 ... v take, at most 32 */
} selection;

static inline selection selection_of(const group *lane_masks) {
    const uint8x16_t place = vreinterpretq_u8_u32(vdupq_n_u32(0x08040201u));
    uint8x16_t bits = vandq_u8(low_bytes(lane_masks), place);
    bits = vpaddq_u8(bits, bits);
    const uint8x8_t masks = vget_low_u8(vpaddq_u8(bits, bits));
    const selection s = {vget_lane_u32(vreinterpret_u32_u8(masks), 0),
                         vget_lane_u32(vreinterpret_u32_u8(vcnt_u8(masks)), 0) * 0x02020202u};
    return s;
}

static inline uint32_t mask_of(selection s, int v) {
    return s.masks >> 8 * v & 0xF;
}

static inline uint32_t bytes_up_to(selection s, int v) {
    return s.bytes >> 8 * v & 0xFF;
}

/* ---- Decoding ---- */

/* One word for each state below L, in lane order. Reads 32 bytes at most, which a whole turn made sure of. */
static inline void take_words(group *x, const uint8_t **word) {
    group low;
    for (int v = 0; v < VECTORS; v++) low.part[v] = vcltq_u32(x->part[v], vdupq_n_u32(RANS_STATE_LOW));
    const selection s = selection_of(&low);
    for (int v = 0; v < VECTORS; v++) {
        const uint8_t *at = *word + (v == 0 ? 0 : bytes_up_to(s, v - 1));
        const uint8x16_t next = vcombine_u8(vld1_u8(at), vdup_n_u8(0));
        const uint32x4_t words =
            vreinterpretq_u32_u8(vqtbl1q_u8(next, vld1q_u8(words_to_lanes[mask_of(s, v)])));
        x->part[v] = vbslq_u32(low.part[v], vsliq_n_u32(words, x->part[v], 16), x->part[v]);
    }
    *word += bytes_up_to(s, VECTORS - 1);
}

/* Entries of four symbols; `base` is their row times 4096. */
static inline uint32x4_t look_up(const uint32_t *table, uint32x4_t base, uint32x4_t x) {
    const uint32x4_t at = vbslq_u32(vdupq_n_u32(RANS_SLOTS - 1), x, base);
    uint32x4_t entry = vdupq_n_u32(table[vgetq_lane_u32(at, 0)]);
    entry = vsetq_lane_u32(table[vgetq_lane_u32(at, 1)], entry, 1);
    entry = vsetq_lane_u32(table[vgetq_lane_u32(at, 2)], entry, 2);
    return vsetq_lane_u32(table[vgetq_lane_u32(at, 3)], entry, 3);
}

static inline uint32x4_t step(uint32x4_t x, uint32x4_t entry) {
    const uint32x4_t frequency = vshrq_n_u32(vshlq_n_u32(entry, 12), 20);
    return vsraq_n_u32(vmulq_u32(frequency, vshrq_n_u32(x, 12)), entry, 20);
}

/* Sixteen symbols, without the words that their lanes take next. */
static inline uint8x16_t decode_group(group *x, const uint32_t *table, const uint8_t *rows) {
    const uint8x16_t row = vld1q_u8(rows);
    const uint16x8_t low = vshll_n_u8(vget_low_u8(row), 4), high = vshll_n_u8(vget_high_u8(row), 4);
    const group base = {{vshll_n_u16(vget_low_u16(low), 8), vshll_n_u16(vget_high_u16(low), 8),
                         vshll_n_u16(vget_low_u16(high), 8), vshll_n_u16(vget_high_u16(high), 8)}};
    group entry;
    for (int v = 0; v < VECTORS; v++) {
        entry.part[v] = look_up(table, base.part[v], x->part[v]);
        x->part[v] = step(x->part[v], entry.part[v]);
    }
    return low_bytes(&entry);
}

SPECIALISED int decode_lanes(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,
                             int8_t *out, const size_t groups) {
    const size_t lanes = groups * GROUP;
    const uint8x16_t escape = vdupq_n_u8((uint8_t)RANS_ESCAPE_SYMBOL);
    const uint32_t *table = tables->decode;
    group x[MAX_GROUPS];
    for (size_t g = 0; g < groups; g++) x[g] = load_states(reader->state + g * GROUP);
    const uint8_t *word = reader->word;

    size_t k = 0;
    for (; n - k >= lanes && (size_t)(reader->word_end - word) >= 2 * lanes; k += lanes) {
        uint8x16_t escapes = vdupq_n_u8(0);
        for (size_t g = 0; g < groups; g++) {
            const uint8x16_t values = decode_group(&x[g], table, rows + k + g * GROUP);
            vst1q_u8((uint8_t *)out + k + g * GROUP, values);
            escapes = vorrq_u8(escapes, vceqq_u8(values, escape));
        }
        for (size_t g = 0; g < groups; g++) take_words(&x[g], &word);
        if (vmaxvq_u8(escapes) != 0 && !take_escapes(reader, tables, rows + k, lanes, out + k)) return 0;
    }
    for (size_t g = 0; g < groups; g++) store_states(reader->state + g * GROUP, &x[g]);
    reader->word = word;
    return decode_end(reader, tables, rows, k, n, out);
}

int neon_rans_decode(rans_reader *reader, const coding_tables *tables, const uint8_t *rows, size_t n,
                     int8_t *out) {
    switch (reader->lanes) {
    case 16: return decode_lanes(reader, tables, rows, n, out, 1);
    case 32: return decode_lanes(reader, tables, rows, n, out, 2);
    default: return scalar_rans_decode(reader, tables, rows, n, out);
    }
}

/* ---- Encoding ---- */

/* The low words of the lanes that are full, in lane order, below *word. Up to six bytes more are written
 * below them, which the symbols at hand may take. */
static inline void put_words(const group *x, const group *full, uint8_t **word) {
    const selection s = selection_of(full);
    *word -= bytes_up_to(s, VECTORS - 1);
    for (int v = VECTORS - 1; v >= 0; v--) {
        const uint8x8_t last = vld1_u8(words_of_lanes[mask_of(s, v)]);
        const uint8x16_t shuffle = vcombine_u8(last, vdup_n_u8(0));
        const uint8x16_t words = vqtbl1q_u8(vreinterpretq_u8_u32(x->part[v]), shuffle);
        vst1_u8(*word + bytes_up_to(s, v) - 8, vget_low_u8(words));
    }
}

/* What encoding four symbols takes. */
typedef struct entries {
    uint32x4_t reciprocal, fields;
} entries;

/* `at`: four indices of 16 bits. */
static inline entries look_up_entries(const rans_entry *table, uint64_t at) {
    const uint32_t *e[WIDTH];
    for (int i = 0; i < WIDTH; i++) e[i] = &table[at >> 16 * i & 0xFFFF].reciprocal;
    const uint32x4_t low = vcombine_u32(vld1_u32(e[0]), vld1_u32(e[1]));
    const uint32x4_t high = vcombine_u32(vld1_u32(e[2]), vld1_u32(e[3]));
    return (entries){vuzp1q_u32(low, high), vuzp2q_u32(low, high)};
}

/* Four states after their symbols; words have gone out. */
static inline uint32x4_t encode_four(uint32x4_t x, entries e) {
    const uint64x2_t low = vmull_u32(vget_low_u32(x), vget_low_u32(e.reciprocal));
    const uint64x2_t high = vmull_high_u32(x, e.reciprocal);
    const uint32x4_t product = vuzp2q_u32(vreinterpretq_u32_u64(low), vreinterpretq_u32_u64(high));
    const int32x4_t shift = vnegq_s32(vreinterpretq_s32_u32(vandq_u32(e.fields, vdupq_n_u32(ENTRY_SHIFT))));
    const uint32x4_t complement = vshrq_n_u32(vaddq_u32(e.fields, e.fields), ENTRY_COMPLEMENT_AT + 1);
    const uint32x4_t biased = vsraq_n_u32(x, vshlq_n_u32(e.fields, 14), 19); /* x + the 13 bits from 5 on */
    return vmlaq_u32(biased, vshlq_u32(product, shift), complement);
}

static inline void put_escapes_of_group(rans_writer *writer, const rans_entry *table, const uint8_t *rows,
                                        const int8_t *values) {
    for (size_t k = GROUP; k-- > 0;) {
        if (entry_at(table, rows[k], values[k])->fields & ENTRY_ESCAPE) {
            *--writer->escape = (uint8_t)values[k];
        }
    }
}

/* Sixteen symbols, last lane first. */
static inline void encode_group(group *x, rans_writer *writer, const rans_entry *table, const uint8_t *rows,
                                const int8_t *values) {
    const uint8x16_t row = vld1q_u8(rows),
                     value = veorq_u8(vld1q_u8((const uint8_t *)values), vdupq_n_u8(128));
    const uint64x2_t at[2] = {vreinterpretq_u64_u8(vzip1q_u8(value, row)),
                              vreinterpretq_u64_u8(vzip2q_u8(value, row))}; /* row * 256 + value + 128 */
    const entries e[VECTORS] = {
        look_up_entries(table, vgetq_lane_u64(at[0], 0)), look_up_entries(table, vgetq_lane_u64(at[0], 1)),
        look_up_entries(table, vgetq_lane_u64(at[1], 0)), look_up_entries(table, vgetq_lane_u64(at[1], 1))};
    uint32x4_t any = vdupq_n_u32(0);
    group full;
    for (int v = 0; v < VECTORS; v++) {
        const uint32x4_t complement = vandq_u32(e[v].fields, vdupq_n_u32(ENTRY_COMPLEMENT));
        full.part[v] = vcltzq_s32(vreinterpretq_s32_u32(vaddq_u32(x->part[v], complement)));
        any = vorrq_u32(any, e[v].fields);
    }
    if (vmaxvq_u32(vandq_u32(any, vdupq_n_u32(ENTRY_ESCAPE))) != 0)
        put_escapes_of_group(writer, table, rows, values); /* rare */
    put_words(x, &full, &writer->word);
    for (int v = 0; v < VECTORS; v++) {
        const uint32x4_t rest = vbslq_u32(full.part[v], vshrq_n_u32(x->part[v], 16), x->part[v]);
        x->part[v] = encode_four(rest, e[v]);
    }
}

SPECIALISED void encode_lanes(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                              const int8_t *values, size_t n, const size_t groups) {
    const size_t lanes = groups * GROUP;
    rans_writer local = *writer;
    size_t k = n;
    while (k % lanes != 0) {
        k--;
        encode_one(&local, &local.state[k % lanes], tables, rows[k], values[k]);
    }
    group x[MAX_GROUPS];
    for (size_t g = 0; g < groups; g++) x[g] = load_states(local.state + g * GROUP);
    while (k > 0) {
        k -= lanes;
        for (size_t g = groups; g-- > 0;) {
            const size_t at = k + g * GROUP;
            encode_group(&x[g], &local, tables->encode, rows + at, values + at);
        }
    }
    for (size_t g = 0; g < groups; g++) store_states(local.state + g * GROUP, &x[g]);
    *writer = local;
}

void neon_rans_encode(rans_writer *writer, const coding_tables *tables, const uint8_t *rows,
                      const int8_t *values, size_t n) {
    switch (writer->lanes) {
    case 16: encode_lanes(writer, tables, rows, values, n, 1); break;
    case 32: encode_lanes(writer, tables, rows, values, n, 2); break;
    default: scalar_rans_encode(writer, tables, rows, values, n);
    }
}

#endif
