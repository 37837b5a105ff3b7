#include "test.h"

static void crc32c_gives_the_published_check_value(void) {
    const uint8_t *digits = (const uint8_t *)"123456789";
    REQUIRE(pico_crc32c(0, digits, 9) == 0xE3069283u);
    for (size_t split = 0; split <= 9; split++) {
        REQUIRE(pico_crc32c(pico_crc32c(0, digits, split), digits + split, 9 - split) == 0xE3069283u);
    }
    REQUIRE(pico_crc32c(0, digits, 0) == 0);
}

/* The polynomial, bit by bit. */
static uint32_t crc_by_definition(const uint8_t *data, size_t size) {
    uint32_t crc = UINT32_MAX;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        const uint32_t in = (crc ^ (uint32_t)data[bit / 8] >> bit % 8) & 1;
        crc = crc >> 1 ^ (in ? 0x82F63B78u : 0);
    }
    return ~crc;
}

static void crc32c_is_its_definition_on_every_length(void) {
    uint32_t random = 41;
    for (size_t size = 0; size < 70; size++) {
        uint8_t *data = exactly(size);
        for (int round = 0; round < 20; round++) {
            for (size_t i = 0; i < size; i++) data[i] = (uint8_t)random_u32(&random);
            const size_t split = random_u32(&random) % (size + 1);
            REQUIRE(pico_crc32c(pico_crc32c(0, data, split), data + split, size - split) ==
                    crc_by_definition(data, size));
        }
        free(data);
    }
}

static void require_digest(const char *message, size_t size, const char *hex) {
    uint8_t *exact = exactly(size), digest[32];
    memcpy(exact, message, size);
    pico_sha256(exact, size, digest);
    char text[65];
    for (int i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", digest[i]);
    REQUIRE(strcmp(text, hex) == 0);
    free(exact);
}

static void sha256_gives_the_digests_of_fips_180(void) {
    require_digest("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    require_digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    require_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                   "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    static char a[1000];
    memset(a, 'a', sizeof a);
    require_digest(a, 1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

static void every_status_has_a_name_and_a_sentence(void) {
    for (int status = 0; status < PICO_STATUS_COUNT; status++) {
        REQUIRE(pico_status_name(status) != NULL && pico_status_text(status) != NULL);
        for (int other = 0; other < status; other++) {
            REQUIRE(strcmp(pico_status_name(status), pico_status_name(other)) != 0);
        }
    }
    REQUIRE(pico_status_name(-1) == NULL && pico_status_name(PICO_STATUS_COUNT) == NULL);
    REQUIRE(pico_status_text(-1) == NULL && pico_status_text(PICO_STATUS_COUNT) == NULL);
}

const test_case checksum_tests[] = {
    {"crc32c gives the published check value", crc32c_gives_the_published_check_value},
    {"crc32c is its definition on every length", crc32c_is_its_definition_on_every_length},
    {"sha256 gives the digests of FIPS 180", sha256_gives_the_digests_of_fips_180},
    {"every status has a name and a sentence", every_status_has_a_name_and_a_sentence},
    {NULL, NULL},
};
