#include "corruption.h"

enum {
    MOST_FLIPS = 8,
    MOST_OVERWRITTEN = 16,
    MOST_MOVED = 64, /* bytes of a splice; one in eight takes any length */
    FIRST_BYTES = 64
};

const char *const corruption_names[CORRUPTIONS] = {"flipped bits", "overwritten bytes", "truncation or trailing bytes",
                                                   "fill with 0x00 or 0xff", "splice"};

random_source random_from(uint64_t seed, uint64_t number) {
    random_source random = {seed * 0x9E3779B97F4A7C15u + number};
    for (int i = 0; i < 4; i++) random_below(&random, 1);
    return random;
}

/* splitmix64: S. Vigna, public domain (CC0). */
uint32_t random_below(random_source *random, uint32_t below) {
    uint64_t x = random->state += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)(((x ^ x >> 31) >> 32) * below >> 32);
}

/* A place in bytes of this size, which is not 0. */
static size_t place(size_t size, size_t low, size_t high, random_source *random) {
    const uint32_t where = random_below(random, 4);
    if (where == 0) return random_below(random, (uint32_t)(size < FIRST_BYTES ? size : FIRST_BYTES));
    if (where < 3 && low < high && high <= size) return low + random_below(random, (uint32_t)(high - low));
    return random_below(random, (uint32_t)size);
}

static size_t length_within(size_t room, random_source *random) {
    const size_t most = random_below(random, 8) == 0 || room < MOST_MOVED ? room : MOST_MOVED;
    return random_below(random, (uint32_t)most + 1);
}

/* Bytes of the donor in place of bytes of the original; the lengths differ half of the time. */
static bytes splice(bytes original, size_t at, bytes donor, random_source *random) {
    const size_t removed = length_within(original.size - at, random);
    const size_t from = random_below(random, (uint32_t)donor.size);
    size_t added = length_within(donor.size - from, random);
    if (random_below(random, 2) == 0 && removed <= donor.size - from) added = removed;
    bytes result = {exactly(original.size - removed + added), original.size - removed + added};
    memcpy(result.data, original.data, at);
    memcpy(result.data + at, donor.data + from, added);
    memcpy(result.data + at + added, original.data + at + removed, original.size - at - removed);
    return result;
}

/* Cut, or sometimes lengthened. */
static bytes resized(bytes original, random_source *random) {
    if (random_below(random, 8) != 0) return copy_of(original.data, random_below(random, (uint32_t)original.size));
    const size_t more = 1 + random_below(random, 32);
    bytes result = {exactly(original.size + more), original.size + more};
    memcpy(result.data, original.data, original.size);
    for (size_t i = original.size; i < result.size; i++) result.data[i] = (uint8_t)random_below(random, 256);
    return result;
}

bytes corrupt(bytes original, size_t low, size_t high, bytes donor, corruption kind, random_source *random) {
    if (kind == TRUNCATION) return resized(original, random);
    const size_t at = place(original.size, low, high, random);
    if (kind == SPLICE) return splice(original, at, donor, random);
    bytes result = copy_of(original.data, original.size);
    if (kind == FILL) {
        memset(result.data + at, random_below(random, 2) == 0 ? 0 : 0xFF, length_within(result.size - at, random));
        return result;
    }
    const uint32_t changes = 1 + random_below(random, kind == FLIPS ? MOST_FLIPS : MOST_OVERWRITTEN);
    for (uint32_t i = 0; i < changes; i++) {
        uint8_t *byte = &result.data[i == 0 ? at : place(result.size, low, high, random)];
        if (kind == FLIPS) {
            *byte ^= (uint8_t)(1u << random_below(random, 8));
        } else {
            *byte = (uint8_t)random_below(random, 256);
        }
    }
    return result;
}
