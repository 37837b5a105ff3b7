#include "exceptions.h"

#include "bytes.h"

enum {
    LONGEST_GAP = 32766, /* in one word */
    WORD_PASS = 0xFFFE,  /* pass over LONGEST_GAP + 1 */
    WORD_LARGE = 0xFFFF, /* gap and value follow */
    BLOCK = 64
};

size_t write_exceptions(const uint8_t *index, const int8_t *values, size_t n, uint32_t threshold,
                        uint8_t *out) {
    uint8_t *at = out;
    size_t gap = 0;
    for (size_t first = 0; first < n; first += BLOCK) {
        size_t end = n - first < BLOCK ? n : first + BLOCK;
        uint32_t skipped = 0, found = 0; /* most blocks hold no exception: a loop without branches says so */
        for (size_t i = first; i < end; i++) {
            uint32_t is_skipped = index[i] <= threshold;
            skipped += is_skipped;
            found |= is_skipped & (uint32_t)(values[i] != 0);
        }
        if (!found) {
            gap += skipped;
            continue;
        }
        for (size_t i = first; i < end; i++) {
            if (index[i] > threshold) continue;
            if (values[i] == 0) {
                gap++;
                continue;
            }
            for (; gap > LONGEST_GAP; gap -= LONGEST_GAP + 1, at += 2) write_u16(at, WORD_PASS);
            if (values[i] == 1 || values[i] == -1) {
                write_u16(at, (uint32_t)gap << 1 | (values[i] < 0));
                at += 2;
            } else {
                write_u16(at, WORD_LARGE);
                write_u16(at + 2, (uint32_t)gap);
                write_u16(at + 4, (uint8_t)values[i]);
                at += 6;
            }
            gap = 0;
        }
    }
    return (size_t)(at - out);
}

/* Position of the skipped element after `gap` others, from `from` on; n if there is none. */
static size_t pass_over(const uint8_t *index, size_t n, uint32_t threshold, size_t from, uint32_t gap) {
    while (n - from >= BLOCK) {
        uint32_t skipped = 0;
        for (size_t i = from; i < from + BLOCK; i++) skipped += index[i] <= threshold;
        if (skipped > gap) break;
        gap -= skipped;
        from += BLOCK;
    }
    for (; from < n; from++) {
        if (index[from] > threshold) continue;
        if (gap == 0) return from;
        gap--;
    }
    return n;
}

int read_exceptions(const uint8_t *words, size_t count, const uint8_t *index, size_t n, uint32_t threshold,
                    uint32_t max, int8_t *values) {
    size_t from = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t word = read_u16(words + 2 * i), gap = word >> 1;
        int32_t value = (word & 1) != 0 ? -1 : 1;
        if (word == WORD_PASS) {
            from = pass_over(index, n, threshold, from, LONGEST_GAP);
            if (from == n || i + 1 == count) return 0;
            from++;
            continue;
        }
        if (word == WORD_LARGE) {
            if (count - i < 3) return 0;
            gap = read_u16(words + 2 * i + 2);
            uint32_t byte = read_u16(words + 2 * i + 4);
            if (gap > LONGEST_GAP || byte > 255) return 0;
            value = byte < 128 ? (int32_t)byte : (int32_t)byte - 256;
            int32_t limit = (int32_t)max;
            if ((value >= -1 && value <= 1) || value < -limit || value > limit) return 0;
            i += 2;
        }
        from = pass_over(index, n, threshold, from, gap);
        if (from == n) return 0;
        values[from++] = (int8_t)value;
    }
    return 1;
}
