/* Choosing a tile's skip threshold: leave out whatever the stream is not larger without, and a little more,
 * because every skipped element saves time. The choice is the encoder's alone; any threshold decodes. */
#include "skip_policy.h"

#include "bytes.h"

enum {
    SAMPLE_STRIDE = 7,                /* odd, so that samples fall on every row and column */
    EXCEPTION_COST = 18 << COST_BITS, /* a gap, a flag and a sign, at the usual rarity */
    SYMBOL_PRICE = 1                  /* in 1/2048 bit: what an element less to code may cost */
};

uint32_t choose_threshold(const coding_tables *tables, uint32_t y_tables, const uint8_t *index,
                          const int8_t *values, size_t n) {
    int64_t gain[PICO_MAX_Y_TABLES];
    for (uint32_t k = 0; k < y_tables; k++) gain[k] = 0;
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
