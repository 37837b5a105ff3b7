#include "bytes.h"
#include "model.h"
#include "rans_step.h"
#include "test.h"

enum { ROWS = 3 };

typedef struct tables_fixture {
    uint32_t decode[ROWS * RANS_SLOTS];
    rans_entry encode[ROWS * ROW_VALUES];
    uint16_t cost[ROWS * ROW_ENTRIES];
    uint8_t escape_entry[ROWS];
    coding_tables tables;
} tables_fixture;

/* A nearly certain row, a flat one, and one of two entries. */
static tables_fixture *make_tables(void) {
    tables_fixture *t = exactly(sizeof *t);
    static const uint32_t entries[ROWS] = {4, 16, 2};
    for (uint32_t row = 0; row < ROWS; row++) {
        uint8_t frequencies[2 * ROW_ENTRIES];
        uint32_t left = 4096;
        for (uint32_t s = entries[row]; s-- > 0;) {
            uint32_t frequency = s == 0 ? left : row == 1 ? 256u : 1u;
            write_u16(frequencies + 2 * s, frequency);
            left -= frequency;
        }
        build_table(frequencies, entries[row], t->decode + row * RANS_SLOTS, t->encode + row * ROW_VALUES,
                    t->cost + row * ROW_ENTRIES);
        t->escape_entry[row] = (uint8_t)(entries[row] - 1);
    }
    t->tables = (coding_tables){t->decode, t->encode, t->cost, t->escape_entry};
    return t;
}

static void multiplying_by_the_reciprocal_is_dividing(void) {
    static uint32_t decode[RANS_SLOTS];
    rans_entry encode[ROW_VALUES];
    uint16_t cost[2];
    uint32_t random = 1;
    for (uint32_t frequency = 1; frequency < 4096; frequency++) {
        uint8_t frequencies[4];
        write_u16(frequencies, 4096 - frequency);
        write_u16(frequencies + 2, frequency);
        build_table(frequencies, 2, decode, encode, cost);
        const rans_entry *entry = &encode[0]; /* of -128, and of every other value that is escaped */
        const uint32_t top = frequency << 19; /* states from L to here are encoded without a word */
        const uint32_t complement = entry->fields & ENTRY_COMPLEMENT;
        REQUIRE(complement >> ENTRY_COMPLEMENT_AT == 4096 - frequency);
        REQUIRE(!word_goes_out(top - 1, complement) && word_goes_out(top, complement));
        for (int i = 0; i < 200; i++) {
            uint32_t x = i < 20   ? top - 1 - (uint32_t)i
                         : i < 40 ? 8 * frequency + (uint32_t)i - 20
                                  : random_u32(&random) % top;
            if (i >= 40 && i < 80) x = x / frequency * frequency - (i & 1 && x >= frequency);
            uint32_t next = encode_step(x, entry->reciprocal, entry->fields, complement);
            if (x == 0) continue; /* a state is never 0; for a frequency of 1 the formula needs that */
            REQUIRE(next == x / frequency * 4096 + x % frequency + (4096 - frequency));
        }
    }
}

/* Symbols, some of them escaped, in buffers of exactly the size that is promised to be enough. */
static void round_trip(uint32_t lanes, size_t n, tables_fixture *t, uint32_t *random) {
    uint8_t *rows = exactly(n), *words = exactly(2 * n), *escapes = exactly(n);
    int8_t *values = exactly(n), *decoded = exactly(n);
    for (size_t i = 0; i < n; i++) {
        rows[i] = (uint8_t)(random_u32(random) % ROWS);
        values[i] = (int8_t)((int32_t)(random_u32(random) % 255) - 127);
        if (random_u32(random) % 4 != 0) values[i] = (int8_t)(values[i] % 3);
    }
    rans_writer writer = {{0}, lanes, words + 2 * n, escapes + n};
    for (uint32_t lane = 0; lane < lanes; lane++) writer.state[lane] = RANS_STATE_LOW;
    scalar_rans_encode(&writer, &t->tables, rows, values, n);

    rans_reader reader = {{0}, lanes, writer.word, words + 2 * n, writer.escape, escapes + n};
    memcpy(reader.state, writer.state, sizeof reader.state);
    REQUIRE(scalar_rans_decode(&reader, &t->tables, rows, n, decoded));
    REQUIRE(n == 0 || memcmp(values, decoded, n) == 0);
    REQUIRE(reader.word == reader.word_end && reader.escape == reader.escape_end);
    for (uint32_t lane = 0; lane < lanes; lane++) REQUIRE(reader.state[lane] == RANS_STATE_LOW);

    /* Control: with one word or one escape less, the same symbols are not decoded. */
    if (writer.word < words + 2 * n) {
        rans_reader cut = {{0}, lanes, writer.word, words + 2 * n - 2, writer.escape, escapes + n};
        memcpy(cut.state, writer.state, sizeof cut.state);
        REQUIRE(!scalar_rans_decode(&cut, &t->tables, rows, n, decoded));
    }
    if (writer.escape < escapes + n) {
        rans_reader cut = {{0}, lanes, writer.word, words + 2 * n, writer.escape, escapes + n - 1};
        memcpy(cut.state, writer.state, sizeof cut.state);
        REQUIRE(!scalar_rans_decode(&cut, &t->tables, rows, n, decoded));
    }
    free(rows);
    free(words);
    free(escapes);
    free(values);
    free(decoded);
}

static void every_number_of_lanes_and_symbols_round_trips(void) {
    static const uint32_t lanes[] = {4, 16, 32};
    tables_fixture *t = make_tables();
    uint32_t random = 7;
    for (int i = 0; i < 3; i++) {
        for (size_t n = 0; n <= 3 * (size_t)lanes[i] + 1; n++) round_trip(lanes[i], n, t, &random);
        round_trip(lanes[i], 5000, t, &random);
    }
    free(t);
}

static void garbage_ends_in_an_answer_and_never_outside_its_sections(void) {
    tables_fixture *t = make_tables();
    uint32_t random = 99, accepted = 0, refused = 0;
    for (int round = 0; round < 3000; round++) {
        const size_t n = random_u32(&random) % 200, words = random_u32(&random) % 60,
                     escapes = random_u32(&random) % 30;
        uint8_t *rows = exactly(n), *section = exactly(2 * words), *escape = exactly(escapes);
        int8_t *out = exactly(n);
        for (size_t i = 0; i < n; i++) rows[i] = (uint8_t)(random_u32(&random) % ROWS);
        for (size_t i = 0; i < 2 * words; i++) section[i] = (uint8_t)random_u32(&random);
        for (size_t i = 0; i < escapes; i++) escape[i] = (uint8_t)random_u32(&random);
        static const uint32_t lanes[] = {4, 16, 32};
        rans_reader reader = {{0}, lanes[round % 3], section, section + 2 * words, escape, escape + escapes};
        for (uint32_t lane = 0; lane < reader.lanes; lane++) {
            reader.state[lane] = RANS_STATE_LOW + random_u32(&random) % (INT32_MAX - RANS_STATE_LOW);
        }
        int good = scalar_rans_decode(&reader, &t->tables, rows, n, out);
        accepted += good != 0;
        refused += good == 0;
        REQUIRE(reader.word <= section + 2 * words && reader.escape <= escape + escapes);
        free(rows);
        free(section);
        free(escape);
        free(out);
    }
    REQUIRE(accepted > 100 && refused > 100); /* both ways out were taken */
    free(t);
}

static void cost_falls_with_frequency_and_is_the_logarithm_at_powers_of_two(void) {
    static uint32_t decode[RANS_SLOTS];
    rans_entry encode[ROW_VALUES];
    uint16_t cost[2], last = UINT16_MAX;
    for (uint32_t frequency = 1; frequency < 4096; frequency++) {
        uint8_t frequencies[4];
        write_u16(frequencies, frequency);
        write_u16(frequencies + 2, 4096 - frequency);
        build_table(frequencies, 2, decode, encode, cost);
        REQUIRE(cost[0] <= last);
        last = cost[0];
        for (uint32_t bits = 0; bits < 12; bits++) {
            if (frequency == 1u << bits) REQUIRE(cost[0] == (12 - bits) << COST_BITS);
        }
    }
}

const test_case rans_tests[] = {
    {"multiplying by the reciprocal is dividing, for every frequency",
     multiplying_by_the_reciprocal_is_dividing},
    {"every number of lanes and symbols round-trips in buffers of the promised size",
     every_number_of_lanes_and_symbols_round_trips},
    {"garbage ends in an answer and never outside its sections",
     garbage_ends_in_an_answer_and_never_outside_its_sections},
    {"cost falls with frequency and is the logarithm at powers of two",
     cost_falls_with_frequency_and_is_the_logarithm_at_powers_of_two},
    {NULL, NULL},
};
