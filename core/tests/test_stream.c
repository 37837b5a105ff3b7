#include "header.h"
#include "test.h"

enum { WIDTH = 130, HEIGHT = 70, TILES = 6, PER_STREAM = 2, STREAMS = 3 };

/* An image of 3 x 2 tiles with one chunk, coded through the public functions only. */
typedef struct coded_image {
    bytes entropy_bin, file;
    loaded_model loaded;
    pico_grid grid;
    int8_t z[TILES][FIXTURE_Z], y[TILES][FIXTURE_Y];
} coded_image;

static void fill_tile(coded_image *image, uint32_t tile, uint32_t *random) {
    const pico_extent y = pico_y_valid(&image->grid, tile), z = pico_z_valid(&image->grid, tile);
    for (uint32_t i = 0; i < FIXTURE_Y; i++) {
        const uint32_t row = i / FIXTURE_Y_SIDE % FIXTURE_Y_SIDE, column = i % FIXTURE_Y_SIDE;
        int32_t v = (int32_t)(random_u32(random) % 9) - 4;
        if (random_u32(random) % 3 != 0) v = 0;
        if (random_u32(random) % 20 == 0) v = (int32_t)(random_u32(random) % 201) - 100;
        image->y[tile][i] = (int8_t)(row < y.rows && column < y.columns ? v : 0);
    }
    for (uint32_t i = 0; i < FIXTURE_Z; i++) {
        const uint32_t row = i / FIXTURE_Z_SIDE % FIXTURE_Z_SIDE, column = i % FIXTURE_Z_SIDE;
        int32_t v = (int32_t)(random_u32(random) % 63) - 31;
        image->z[tile][i] = (int8_t)(row < z.rows && column < z.columns ? v : 0);
    }
}

static coded_image *code_image(int skip) {
    coded_image *image = exactly(sizeof *image);
    image->entropy_bin = fixture_model();
    image->loaded = load_model(image->entropy_bin);
    const pico_model *model = image->loaded.model;
    REQUIRE(pico_grid_init(model, WIDTH, HEIGHT, &image->grid, NULL) == PICO_OK);
    REQUIRE(image->grid.tiles == TILES);
    const pico_layout layout = {4, PER_STREAM};
    REQUIRE(pico_stream_count(&image->grid, &layout) == STREAMS);
    static const uint8_t levels[TILES] = {0, 1, 1, 0, 0, 1};
    uint32_t random = 17;
    pico_tensor z[TILES], y[TILES];
    for (uint32_t tile = 0; tile < TILES; tile++) {
        fill_tile(image, tile, &random);
        z[tile] = plane_of(image->z[tile], FIXTURE_Z_SIDE);
        y[tile] = plane_of(image->y[tile], FIXTURE_Y_SIDE);
    }
    size_t scratch_size = 0, capacity = 0;
    REQUIRE(pico_encode_memory(model, &image->grid, &layout, &scratch_size, &capacity) == PICO_OK);
    void *scratch = exactly(scratch_size);
    uint8_t *payloads[STREAMS];
    pico_span streams[STREAMS];
    for (uint32_t s = 0; s < STREAMS; s++) {
        payloads[s] = exactly(capacity);
        size_t size = 0;
        REQUIRE(pico_encode_stream(model, &image->grid, &layout, levels, s, skip, z + PER_STREAM * s,
                                   y + PER_STREAM * s, scratch, scratch_size, payloads[s], capacity, &size,
                                   NULL) == PICO_OK);
        streams[s] = (pico_span){payloads[s], size};
    }
    const pico_chunk_source chunk = {{'e', 'x', 'i', 'f'}, {(const uint8_t *)"camera", 6}};
    pico_file file = {{0}, {0}, image->grid, layout, levels, &chunk, 1, streams};
    pico_model_info info;
    pico_model_get_info(model, &info);
    memcpy(file.entropy_fingerprint, info.fingerprint, sizeof file.entropy_fingerprint);
    size_t written = 0;
    REQUIRE(pico_file_size(&file, &image->file.size, NULL) == PICO_OK);
    image->file.data = exactly(image->file.size);
    REQUIRE(pico_file_write(model, &file, image->file.data, image->file.size, &written, NULL) == PICO_OK);
    REQUIRE(written == image->file.size);
    REQUIRE(pico_file_write(model, &file, image->file.data, image->file.size - 1, &written, NULL) == PICO_E_BUFFER);
    for (uint32_t s = 0; s < STREAMS; s++) free(payloads[s]);
    free(scratch);
    return image;
}

static void drop(coded_image *image) {
    free(image->entropy_bin.data);
    free(image->file.data);
    free(image->loaded.memory);
    free(image);
}

/* What a decoder needs for one image; parse errors come back as the status of every stream. */
typedef struct decoding {
    pico_image header;
    pico_entry chunks[1], streams[STREAMS];
    int8_t z[PER_STREAM][FIXTURE_Z], y[PER_STREAM][FIXTURE_Y];
} decoding;

static pico_status decode_stream(const coded_image *image, bytes file, uint32_t stream, decoding *d) {
    pico_status status = pico_parse(file.data, file.size, &d->header, NULL);
    if (status != PICO_OK) return status;
    REQUIRE(pico_directory(file.data, file.size, &d->header, d->chunks, d->streams) == PICO_OK);
    pico_tensor z[PER_STREAM], y[PER_STREAM];
    for (int t = 0; t < PER_STREAM; t++) {
        z[t] = plane_of(d->z[t], FIXTURE_Z_SIDE);
        y[t] = plane_of(d->y[t], FIXTURE_Y_SIDE);
    }
    size_t scratch_size = 0;
    REQUIRE(pico_decode_memory(image->loaded.model, &scratch_size) == PICO_OK);
    void *scratch = exactly(scratch_size);
    status = pico_decode_stream(image->loaded.model, file.data, file.size, &d->header, stream,
                                &d->streams[stream], z, y, scratch, scratch_size, NULL);
    free(scratch);
    return status;
}

/* Streams at once; the header has to parse. */
static void decode_together(const coded_image *image, bytes file, const uint32_t *streams, uint32_t count, decoding *d,
                            pico_stream_job *jobs) {
    pico_tensor z[PICO_MAX_TOGETHER][PER_STREAM], y[PICO_MAX_TOGETHER][PER_STREAM];
    size_t size = 0;
    REQUIRE(pico_decode_memory(image->loaded.model, &size) == PICO_OK);
    for (uint32_t i = 0; i < count; i++) {
        REQUIRE(pico_parse(file.data, file.size, &d[i].header, NULL) == PICO_OK);
        REQUIRE(pico_directory(file.data, file.size, &d[i].header, d[i].chunks, d[i].streams) == PICO_OK);
        for (int t = 0; t < PER_STREAM; t++) {
            z[i][t] = plane_of(d[i].z[t], FIXTURE_Z_SIDE);
            y[i][t] = plane_of(d[i].y[t], FIXTURE_Y_SIDE);
        }
        jobs[i] = (pico_stream_job){.stream = streams[i],
                                    .entry = &d[i].streams[streams[i]],
                                    .z = z[i],
                                    .y = y[i],
                                    .scratch = exactly(size),
                                    .scratch_size = size};
    }
    pico_decode_streams(image->loaded.model, file.data, file.size, &d[0].header, jobs, count);
    for (uint32_t i = 0; i < count; i++) free(jobs[i].scratch);
}

static int is_right(const coded_image *image, uint32_t stream, const decoding *d) {
    return memcmp(d->z, image->z[PER_STREAM * stream], sizeof d->z) == 0 &&
           memcmp(d->y, image->y[PER_STREAM * stream], sizeof d->y) == 0;
}

static void every_threshold_gives_back_every_symbol(void) {
    for (int skip = PICO_SKIP_AUTO; skip < FIXTURE_Y_TABLES; skip++) {
        coded_image *image = code_image(skip);
        decoding d;
        for (uint32_t s = 0; s < STREAMS; s++) {
            REQUIRE(decode_stream(image, image->file, s, &d) == PICO_OK);
            REQUIRE(is_right(image, s, &d));
        }
        drop(image);
    }
}

static void every_truncation_of_a_file_is_an_error_or_leaves_whole_streams(void) {
    coded_image *image = code_image(2);
    for (size_t size = 0; size < image->file.size; size++) {
        bytes cut = {exactly(size), size};
        memcpy(cut.data, image->file.data, size);
        for (uint32_t s = 0; s < STREAMS; s++) {
            decoding d;
            pico_status status = decode_stream(image, cut, s, &d);
            REQUIRE(status == PICO_OK
                        ? is_right(image, s, &d)
                        : status == PICO_E_TRUNCATED || (status == PICO_E_NOT_PICO && size < 4));
        }
        free(cut.data);
    }
    drop(image);
}

static void a_flipped_bit_loses_one_stream_or_the_header(void) {
    coded_image *image = code_image(2);
    bytes file = image->file;
    decoding clean;
    REQUIRE(decode_stream(image, file, 0, &clean) == PICO_OK);
    for (size_t at = 0; at < file.size; at++) {
        file.data[at] ^= (uint8_t)(1u << at % 8);
        uint32_t lost = 0;
        for (uint32_t s = 0; s < STREAMS; s++) {
            decoding d;
            pico_status status = decode_stream(image, file, s, &d);
            REQUIRE(status != PICO_OK || is_right(image, s, &d));
            const pico_entry *entry = &clean.streams[s];
            const int inside = at >= entry->offset && at < entry->offset + entry->size + CRC_SIZE;
            if (at >= clean.header.header_size) REQUIRE(status == (inside ? PICO_E_STREAM_DAMAGED : PICO_OK));
            lost += status != PICO_OK;
        }
        if (at < clean.header.header_size) REQUIRE(lost == STREAMS);
        file.data[at] ^= (uint8_t)(1u << at % 8);
    }
    drop(image);
}

static void a_forged_checksum_never_leads_outside(void) {
    coded_image *image = code_image(2);
    bytes file = image->file;
    const pico_kernels *scalar = kernels_select(PICO_CPU_SCALAR);
    decoding d;
    uint32_t accepted = 0, refused = 0, random = 3;
    for (uint32_t s = 0; s < STREAMS; s++) {
        REQUIRE(decode_stream(image, file, s, &d) == PICO_OK);
        const pico_entry entry = d.streams[s];
        for (uint32_t at = 0; at < entry.size; at++) {
            for (int change = 0; change < 3; change++) {
                uint8_t *byte = file.data + entry.offset + at, before = *byte;
                *byte = change == 0 ? 0xFF : (uint8_t)random_u32(&random);
                write_u32(file.data + entry.offset + entry.size,
                          seal(scalar, d.header.header_crc, SEAL_STREAM, s, file.data + entry.offset, entry.size));
                pico_status status = decode_stream(image, file, s, &d);
                REQUIRE(status == PICO_OK || status == PICO_E_STREAM_DAMAGED);
                accepted += status == PICO_OK;
                refused += status != PICO_OK;
                *byte = before;
            }
        }
        write_u32(file.data + entry.offset + entry.size,
                  seal(scalar, d.header.header_crc, SEAL_STREAM, s, file.data + entry.offset, entry.size));
    }
    REQUIRE(refused > 4 * accepted); /* the coder's own end checks see most of it */
    drop(image);
}

/* Changes one byte of a stream, every other time under a checksum that fits. */
static void streams_at_once_are_what_each_is_alone(void) {
    coded_image *image = code_image(2);
    bytes file = image->file;
    const pico_kernels *scalar = kernels_select(PICO_CPU_SCALAR);
    decoding d[PICO_MAX_TOGETHER], alone[STREAMS];
    pico_status status[STREAMS];
    REQUIRE(decode_stream(image, file, 0, &d[0]) == PICO_OK);
    const uint32_t header_crc = d[0].header.header_crc;
    const pico_entry entry = d[0].streams[1];
    uint8_t *payload = file.data + entry.offset, *checksum = payload + entry.size;
    const uint32_t sound = read_u32(checksum);
    uint32_t random = 5, lost = 0;
    for (uint32_t at = 0; at < entry.size; at++) {
        const uint8_t before = payload[at];
        payload[at] ^= (uint8_t)(random_u32(&random) % 256); /* at times by nothing */
        if (at % 2 == 0) write_u32(checksum, seal(scalar, header_crc, SEAL_STREAM, 1, payload, entry.size));
        for (uint32_t s = 0; s < STREAMS; s++) status[s] = decode_stream(image, file, s, &alone[s]);
        REQUIRE(status[0] == PICO_OK && status[2] == PICO_OK);
        lost += status[1] != PICO_OK;
        for (uint32_t s = 0; s < STREAMS; s++) {
            const uint32_t streams[] = {s, (s + at) % STREAMS, (s + at / 3) % STREAMS};
            const uint32_t count = 1 + at % PICO_MAX_TOGETHER;
            pico_stream_job jobs[PICO_MAX_TOGETHER];
            decode_together(image, file, streams, count, d, jobs);
            for (uint32_t i = 0; i < count; i++) {
                REQUIRE(jobs[i].status == status[streams[i]]);
                REQUIRE((jobs[i].status == PICO_OK) == (jobs[i].fault.what == NULL));
                if (jobs[i].status != PICO_OK) continue;
                REQUIRE(memcmp(d[i].z, alone[streams[i]].z, sizeof d[i].z) == 0);
                REQUIRE(memcmp(d[i].y, alone[streams[i]].y, sizeof d[i].y) == 0);
            }
        }
        payload[at] = before;
        write_u32(checksum, sound);
    }
    REQUIRE(lost > entry.size / 2); /* the control: damage was there to be confined */
    drop(image);
}

static void what_is_wrong_with_one_stream_leaves_the_others(void) {
    coded_image *image = code_image(2);
    decoding d;
    REQUIRE(decode_stream(image, image->file, 0, &d) == PICO_OK);
    pico_tensor z[PER_STREAM], y[PER_STREAM];
    for (int t = 0; t < PER_STREAM; t++) {
        z[t] = plane_of(d.z[t], FIXTURE_Z_SIDE);
        y[t] = plane_of(d.y[t], FIXTURE_Y_SIDE);
    }
    size_t size = 0;
    REQUIRE(pico_decode_memory(image->loaded.model, &size) == PICO_OK);
    void *scratch[2] = {exactly(size), exactly(size)};
    const pico_stream_job sound = {.stream = 2, .entry = &d.streams[2], .z = z, .y = y, .scratch = scratch[0], .scratch_size = size};
    for (int wrong = 0; wrong < 4; wrong++) {
        pico_stream_job jobs[PICO_MAX_TOGETHER + 1];
        for (int i = 0; i <= PICO_MAX_TOGETHER; i++) jobs[i] = (pico_stream_job){.stream = STREAMS};
        const uint32_t good = wrong == 1, bad = wrong == 3 ? PICO_MAX_TOGETHER : 1 - good;
        jobs[good] = jobs[bad] = sound;
        jobs[bad].scratch = scratch[1];
        if (wrong == 0) jobs[bad].scratch_size /= 2;
        if (wrong == 1) jobs[bad].stream = STREAMS;
        if (wrong == 2) jobs[bad].y = NULL;
        memset(d.y, 0x55, sizeof d.y);
        const uint32_t count = wrong == 3 ? PICO_MAX_TOGETHER + 1 : 2;
        pico_decode_streams(image->loaded.model, image->file.data, image->file.size, &d.header, jobs, count);
        REQUIRE(jobs[bad].status == (wrong == 0 ? PICO_E_BUFFER : PICO_E_ARGUMENT));
        REQUIRE(jobs[good].status == PICO_OK && is_right(image, 2, &d));
        for (uint32_t i = 2; i < count; i++) REQUIRE(jobs[i].status == PICO_E_ARGUMENT);
    }
    free(scratch[0]);
    free(scratch[1]);
    drop(image);
}

/* Whatever a header with a sound checksum says, following it stays inside the file. */
static int follow_header(bytes file) {
    const uint32_t claimed = read_u32(file.data + HEADER_SIZE);
    if (claimed >= HEADER_MINIMUM && claimed <= file.size) {
        write_u32(file.data + claimed - CRC_SIZE, pico_crc32c(0, file.data, claimed - CRC_SIZE));
    }
    pico_image header;
    if (pico_parse(file.data, file.size, &header, NULL) != PICO_OK) return 0;
    pico_entry *chunks = exactly(header.chunks * sizeof *chunks);
    pico_entry *streams = exactly(header.streams * sizeof *streams);
    REQUIRE(pico_directory(file.data, file.size, &header, chunks, streams) == PICO_OK);
    for (uint32_t tile = 0; tile < header.tiles; tile++) pico_tile_level(file.data, &header, tile);
    for (uint32_t c = 0; c < header.chunks; c++) {
        pico_chunk_check(file.data, file.size, &header, c, &chunks[c], NULL);
    }
    free(chunks);
    free(streams);
    return 1;
}

static void a_forged_header_never_leads_outside(void) {
    coded_image *image = code_image(2);
    uint32_t accepted = 0, refused = 0;
    decoding d;
    REQUIRE(decode_stream(image, image->file, 0, &d) == PICO_OK);
    bytes forged = {exactly(image->file.size), image->file.size};
    for (size_t at = 0; at + CRC_SIZE < d.header.header_size; at++) {
        for (int value = 0; value < 256; value += 5) {
            memcpy(forged.data, image->file.data, forged.size);
            forged.data[at] = (uint8_t)value;
            if (follow_header(forged)) {
                accepted++;
            } else {
                refused++;
            }
        }
    }
    REQUIRE(accepted > 100 && refused > 100);
    free(forged.data);
    drop(image);
}

static void a_damaged_chunk_is_said_to_be_damaged(void) {
    coded_image *image = code_image(0);
    decoding d;
    REQUIRE(decode_stream(image, image->file, 0, &d) == PICO_OK);
    const bytes file = image->file;
    REQUIRE(pico_chunk_check(file.data, file.size, &d.header, 0, &d.chunks[0], NULL) == PICO_OK);
    REQUIRE(memcmp(file.data + d.chunks[0].offset, "camera", 6) == 0);
    file.data[d.chunks[0].offset] ^= 1;
    REQUIRE(pico_chunk_check(file.data, file.size, &d.header, 0, &d.chunks[0], NULL) == PICO_E_CHUNK_DAMAGED);
    REQUIRE(pico_chunk_check(file.data, d.header.header_size, &d.header, 0, &d.chunks[0], NULL) ==
            PICO_E_TRUNCATED);
    REQUIRE(pico_chunk_check(file.data, file.size, &d.header, 1, &d.chunks[0], NULL) == PICO_E_ARGUMENT);
    REQUIRE(decode_stream(image, file, 1, &d) == PICO_OK && is_right(image, 1, &d));
    drop(image);
}

static void buffers_that_are_too_small_are_refused(void) {
    coded_image *image = code_image(0);
    const pico_model *model = image->loaded.model;
    const pico_layout layout = {4, PER_STREAM};
    size_t scratch_size = 0, capacity = 0, size = 0;
    REQUIRE(pico_encode_memory(model, &image->grid, &layout, &scratch_size, &capacity) == PICO_OK);
    uint8_t *out = exactly(capacity), *scratch = exactly(scratch_size);
    static const uint8_t levels[TILES] = {0};
    pico_tensor z[2] = {plane_of(image->z[0], FIXTURE_Z_SIDE), plane_of(image->z[1], FIXTURE_Z_SIDE)};
    pico_tensor y[2] = {plane_of(image->y[0], FIXTURE_Y_SIDE), plane_of(image->y[1], FIXTURE_Y_SIDE)};
    pico_fault fault = {0};
    REQUIRE(pico_encode_stream(model, &image->grid, &layout, levels, 0, 0, z, y, scratch, scratch_size / 2,
                               out, capacity, &size, &fault) == PICO_E_BUFFER);
    REQUIRE(strcmp(fault.what, "scratch") == 0);
    REQUIRE(pico_encode_stream(model, &image->grid, &layout, levels, 0, 0, z, y, scratch, scratch_size, out,
                               10, &size, &fault) == PICO_E_BUFFER);
    REQUIRE(strcmp(fault.what, "room for the stream") == 0);
    REQUIRE(pico_encode_stream(model, &image->grid, &layout, levels, 3, 0, z, y, scratch, scratch_size, out,
                               capacity, &size, &fault) == PICO_E_ARGUMENT);
    decoding d;
    REQUIRE(decode_stream(image, image->file, 0, &d) == PICO_OK);
    REQUIRE(pico_decode_stream(model, image->file.data, image->file.size, &d.header, 0, &d.streams[0], z, y,
                               scratch, 100, &fault) == PICO_E_BUFFER);
    free(out);
    free(scratch);
    drop(image);
}

static void floats_need_no_alignment(void) {
    coded_image *image = code_image(0);
    decoding d;
    REQUIRE(decode_stream(image, image->file, 1, &d) == PICO_OK);
    uint8_t *memory = exactly(4 * (FIXTURE_Z + FIXTURE_Y) * PER_STREAM + 1);
    pico_tensor z[PER_STREAM], y[PER_STREAM];
    for (int t = 0; t < PER_STREAM; t++) { /* channels last, at odd addresses */
        uint8_t *at = memory + 1 + 4 * (size_t)t * (FIXTURE_Z + FIXTURE_Y);
        z[t] = (pico_tensor){at, PICO_FLOAT32, 4, 4 * FIXTURE_Z_SIDE * FIXTURE_Z_CHANNELS,
                             4 * FIXTURE_Z_CHANNELS};
        at += 4 * FIXTURE_Z;
        y[t] = (pico_tensor){at, PICO_FLOAT32, 4, 4 * FIXTURE_Y_SIDE * FIXTURE_Y_CHANNELS,
                             4 * FIXTURE_Y_CHANNELS};
    }
    size_t scratch_size = 0;
    REQUIRE(pico_decode_memory(image->loaded.model, &scratch_size) == PICO_OK);
    void *scratch = exactly(scratch_size);
    REQUIRE(pico_decode_stream(image->loaded.model, image->file.data, image->file.size, &d.header, 1,
                               &d.streams[1], z, y, scratch, scratch_size, NULL) == PICO_OK);
    for (int t = 0; t < PER_STREAM; t++) {
        for (int i = 0; i < FIXTURE_Y; i++) {
            const int c = i / (FIXTURE_Y_SIDE * FIXTURE_Y_SIDE),
                      position = i % (FIXTURE_Y_SIDE * FIXTURE_Y_SIDE);
            float value;
            memcpy(&value, (uint8_t *)y[t].data + 4 * (position * FIXTURE_Y_CHANNELS + c), 4);
            REQUIRE(value == (float)image->y[PER_STREAM + t][i]);
        }
    }
    free(memory);
    free(scratch);
    drop(image);
}

const test_case stream_tests[] = {
    {"every threshold gives back every symbol", every_threshold_gives_back_every_symbol},
    {"every truncation of a file is an error or leaves whole streams",
     every_truncation_of_a_file_is_an_error_or_leaves_whole_streams},
    {"a flipped bit loses one stream, one chunk or the header", a_flipped_bit_loses_one_stream_or_the_header},
    {"a forged checksum of a stream never leads outside", a_forged_checksum_never_leads_outside},
    {"streams at once are what each is alone", streams_at_once_are_what_each_is_alone},
    {"what is wrong with one stream leaves the others",
     what_is_wrong_with_one_stream_leaves_the_others},
    {"a forged header never leads outside", a_forged_header_never_leads_outside},
    {"a damaged chunk is said to be damaged", a_damaged_chunk_is_said_to_be_damaged},
    {"buffers that are too small are refused", buffers_that_are_too_small_are_refused},
    {"float tensors need no alignment", floats_need_no_alignment},
    {NULL, NULL},
};
