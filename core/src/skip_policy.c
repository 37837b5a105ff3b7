/* Choosing a tile's skip threshold: leave out whatever the stream is hardly larger without, because every
 * skipped element saves time. The choice is the encoder's alone; any threshold decodes. */
#include "skip_policy.h"

#include "bytes.h"
#include "rans_step.h"

enum {
    HARDLY_EVER_OTHER = 8,            /* of 4096: tables that give 0 but for so few are skipped on trust, */
    TRUSTING_FROM = 1 << 16,          /* in tiles of more elements; a smaller one is sampled, */
    DISAPPOINTED_FROM = 256,          /* and so is one with an exception in fewer skipped elements than this */
    SAMPLE_STRIDE = 7,                /* odd, so that samples fall on every row and column */
    EXCEPTION_COST = 18 << COST_BITS, /* a gap, a flag and a sign, at the usual rarity */
    SYMBOL_PRICE = 1                  /* in 1/2048 bit: what an element less to code may cost */
};

/* Tables are in the order of their scales. */
static uint32_t trusted_threshold(const coding_tables *tables, uint32_t y_tables) {
    uint32_t row = 0;
    while (row < y_tables &&
           (entry_at(tables->encode, row, 0)->fields & ENTRY_COMPLEMENT) >> ENTRY_COMPLEMENT_AT <= HARDLY_EVER_OTHER)
        row++;
    return row == 0 ? 0 : row - 1;
}

static uint32_t sampled_threshold(const coding_tables *tables, uint32_t y_tables, const uint8_t *index,
                                  const int8_t *values, size_t n) {
    int64_t gain[PICO_MAX_Y_TABLES];
    for (uint32_t k = 0; k < PICO_MAX_Y_TABLES; k++) gain[k] = 0;
    for (size_t i = 0; i < n; i += SAMPLE_STRIDE) {
        uint32_t row = index[i], symbol = zigzag(values[i]), escape = tables->escape_entry[row];
        int64_t cost = tables->cost[row * ROW_ENTRIES + (symbol < escape ? symbol : escape)];
        gain[row] += cost + SYMBOL_PRICE - (symbol != 0 ? EXCEPTION_COST : 0);
    }
    uint32_t best = 0;
    int64_t best_gain = 0, total = gain[0];
    for (uint32_t k = 1; k < y_tables; k++) { /* a threshold of 0 means off, so index 0 goes with index 1 */
        total += gain[k];
        if (total > best_gain) {
            best_gain = total;
            best = k;
        }
    }
    return best;
}

uint32_t split_tile(const pico_kernels *kernels, const coding_tables *tables, uint32_t y_tables, int skip,
                    const uint8_t *index, const int8_t *values, size_t n, const tile_split *out,
                    skip_split *found) {
    uint32_t threshold = (uint32_t)skip;
    const int trusting = skip == PICO_SKIP_AUTO && n > TRUSTING_FROM;
    if (trusting) threshold = trusted_threshold(tables, y_tables);
    if (skip == PICO_SKIP_AUTO && !trusting)
        threshold = sampled_threshold(tables, y_tables, index, values, n);
    for (int again = trusting; threshold != 0; again = 0) {
        *found = kernels->split(index, values, n, threshold, out->index, out->values, out->entries);
        if (!again || (uint64_t)found->exceptions * DISAPPOINTED_FROM <= n - found->active) return threshold;
        threshold = sampled_threshold(tables, y_tables, index, values, n);
    }
    *found = (skip_split){n, 0};
    return 0;
}
