#include "conform.h"

/* ---- Text, without a C library ---- */

typedef struct text {
    char *data;
    size_t size, capacity;
} text;

/* A text that did not fit has size > capacity. */
static void put(text *t, const char *s) {
    for (; *s != 0; s++) {
        if (t->size < t->capacity) t->data[t->size] = *s;
        t->size++;
    }
}

static void put_number(text *t, uint32_t v) {
    char digits[11];
    size_t at = sizeof digits;
    digits[--at] = 0;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    put(t, " ");
    put(t, digits + at);
}

static void put_hash(text *t, const uint8_t hash[CONFORM_HASH]) {
    static const char hex[] = "0123456789abcdef";
    char pair[3] = {0, 0, 0};
    put(t, " ");
    for (size_t i = 0; i < CONFORM_HASH; i++) {
        pair[0] = hex[hash[i] >> 4];
        pair[1] = hex[hash[i] & 15];
        put(t, pair);
    }
}

static conform_line next_line(conform_line *rest) {
    conform_line line = {rest->text, 0};
    while (line.size < rest->size && rest->text[line.size] != '\n') line.size++;
    size_t used = line.size < rest->size ? line.size + 1 : line.size;
    rest->text += used;
    rest->size -= used;
    return line;
}

static int begins(conform_line line, const char *word) {
    size_t i = 0;
    for (; word[i] != 0; i++) {
        if (i >= line.size || line.text[i] != word[i]) return 0;
    }
    return 1;
}

static int equal(conform_line a, conform_line b) {
    if (a.size != b.size) return 0;
    for (size_t i = 0; i < a.size; i++) {
        if (a.text[i] != b.text[i]) return 0;
    }
    return 1;
}

/* ---- What an expectation asks for ---- */

static conform_line all_of(pico_span expect) {
    conform_line rest = {(const char *)expect.data, expect.size};
    return rest;
}

int conform_model(pico_span expect, char name[CONFORM_NAME]) {
    conform_line rest = all_of(expect), first = next_line(&rest), line = next_line(&rest);
    static const char word[] = "model ";
    const size_t skip = sizeof word - 1;
    if (!begins(first, "pico-vector 1") || first.size != 13 || !begins(line, word)) return 0;
    const size_t size = line.size - skip;
    if (size < 1 || size >= CONFORM_NAME) return 0;
    for (size_t i = 0; i < size; i++) {
        char c = line.text[skip + i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return 0;
        name[i] = c;
    }
    name[size] = 0;
    return 1;
}

enum { DO_NOT_ENCODE = -2 };

/* "encode auto" or "encode 12": the skip threshold with which an encoder makes the same bytes. */
static int skip_to_encode_with(pico_span expect) {
    conform_line rest = all_of(expect);
    while (rest.size > 0) {
        conform_line line = next_line(&rest);
        if (!begins(line, "encode ")) continue;
        if (begins(line, "encode auto")) return PICO_SKIP_AUTO;
        int skip = 0;
        for (size_t i = 7; i < line.size && line.text[i] >= '0' && line.text[i] <= '9' && skip < 256; i++)
            skip = 10 * skip + (line.text[i] - '0');
        return skip;
    }
    return DO_NOT_ENCODE;
}

/* ---- Memory ---- */

typedef struct pool {
    uint8_t *at;
    size_t left;
    int exhausted;
} pool;

enum { POOL_ALIGN = 64 };

static void *take(pool *p, size_t size) {
    size_t before = (POOL_ALIGN - (size_t)((uintptr_t)p->at % POOL_ALIGN)) % POOL_ALIGN;
    if (before > p->left || p->left - before < size) {
        p->exhausted = 1;
        return NULL;
    }
    uint8_t *taken = p->at + before;
    p->at = taken + size;
    p->left -= before + size;
    return taken;
}

/* ---- The judge ---- */

typedef struct judge {
    pico_span stream;
    pool memory;
    text found;
    const pico_model *model;
    pico_model_info info;
    pico_image image;
    pico_entry *chunks, *streams;
    pico_tensor *z, *y; /* one a tile of the image */
    uint8_t *index, *scale_scratch, *decode_scratch;
    size_t scale_size, decode_size;
    uint8_t *z_hashes, *index_hashes, *y_hashes; /* CONFORM_HASH bytes a decoded tile */
    uint32_t decoded;
} judge;

static pico_status load_model(judge *j, pico_span bytes, uint32_t cpu_flags) {
    size_t size = 0;
    pico_status status = pico_model_memory(bytes.data, bytes.size, &size, NULL);
    if (status != PICO_OK) return status;
    void *memory = take(&j->memory, size);
    if (memory == NULL) return PICO_E_BUFFER;
    status = pico_model_init(bytes.data, bytes.size, cpu_flags, memory, size, &j->model, NULL);
    return status == PICO_OK ? pico_model_get_info(j->model, &j->info) : status;
}

static pico_status read_header(judge *j) {
    const uint8_t *data = j->stream.data;
    pico_status status = pico_parse(data, j->stream.size, &j->image, NULL);
    if (status == PICO_OK) status = pico_model_check(j->model, data, &j->image, NULL);
    if (status != PICO_OK) return status;
    j->chunks = take(&j->memory, j->image.chunks * sizeof *j->chunks);
    j->streams = take(&j->memory, j->image.streams * sizeof *j->streams);
    if (j->memory.exhausted) return PICO_E_BUFFER;
    return pico_directory(data, j->stream.size, &j->image, j->chunks, j->streams);
}

static size_t plane_size(uint32_t channels, uint32_t side) {
    return (size_t)channels * side * side;
}

static void new_tensor(judge *j, pico_tensor *tensor, uint32_t channels, uint32_t side) {
    tensor->data = take(&j->memory, plane_size(channels, side));
    tensor->element = PICO_INT8;
    tensor->channel = (ptrdiff_t)((size_t)side * side);
    tensor->row = (ptrdiff_t)side;
    tensor->column = 1;
}

static pico_status allocate(judge *j) {
    const uint32_t tiles = j->image.tiles;
    j->z = take(&j->memory, tiles * sizeof *j->z);
    j->y = take(&j->memory, tiles * sizeof *j->y);
    j->z_hashes = take(&j->memory, (size_t)tiles * CONFORM_HASH);
    j->index_hashes = take(&j->memory, (size_t)tiles * CONFORM_HASH);
    j->y_hashes = take(&j->memory, (size_t)tiles * CONFORM_HASH);
    for (uint32_t t = 0; t < tiles && !j->memory.exhausted; t++) {
        new_tensor(j, &j->z[t], j->info.z_channels, j->info.z_side);
        new_tensor(j, &j->y[t], j->info.y_channels, j->info.y_side);
    }
    j->index = take(&j->memory, plane_size(j->info.y_channels, j->info.y_side));
    pico_scale_memory(j->model, &j->scale_size);
    pico_decode_memory(j->model, &j->decode_size);
    j->scale_scratch = take(&j->memory, j->scale_size);
    j->decode_scratch = take(&j->memory, j->decode_size);
    return j->memory.exhausted ? PICO_E_BUFFER : PICO_OK;
}

static void describe_chunks(judge *j) {
    for (uint32_t i = 0; i < j->image.chunks; i++) {
        const pico_entry *chunk = &j->chunks[i];
        char type[6] = {' ', chunk->type[0], chunk->type[1], chunk->type[2], chunk->type[3], 0};
        pico_status status = pico_chunk_check(j->stream.data, j->stream.size, &j->image, i, chunk, NULL);
        put(&j->found, "chunk");
        put_number(&j->found, i);
        put(&j->found, type);
        put(&j->found, " ");
        put(&j->found, pico_status_name(status));
        put_number(&j->found, chunk->size);
        if (status == PICO_OK) {
            uint8_t hash[CONFORM_HASH];
            pico_sha256(j->stream.data + chunk->offset, chunk->size, hash);
            put_hash(&j->found, hash);
        }
        put(&j->found, "\n");
    }
}

static pico_status describe_tile(judge *j, uint32_t tile) {
    const uint32_t level = pico_tile_level(j->stream.data, &j->image, tile);
    pico_status status =
        pico_scale_indices(j->model, level, &j->z[tile], j->index, j->scale_scratch, j->scale_size, NULL);
    if (status != PICO_OK) return status;
    const size_t at = (size_t)j->decoded++ * CONFORM_HASH;
    const size_t y_size = plane_size(j->info.y_channels, j->info.y_side);
    pico_sha256(j->z[tile].data, plane_size(j->info.z_channels, j->info.z_side), j->z_hashes + at);
    pico_sha256(j->index, y_size, j->index_hashes + at);
    pico_sha256(j->y[tile].data, y_size, j->y_hashes + at);
    put(&j->found, "tile");
    put_number(&j->found, tile);
    put(&j->found, " level");
    put_number(&j->found, level);
    put(&j->found, " z");
    put_hash(&j->found, j->z_hashes + at);
    put(&j->found, " indices");
    put_hash(&j->found, j->index_hashes + at);
    put(&j->found, " y");
    put_hash(&j->found, j->y_hashes + at);
    put(&j->found, "\n");
    return PICO_OK;
}

static pico_status describe_stream(judge *j, uint32_t stream) {
    const uint32_t per_stream = j->image.layout.tiles_per_stream, first = stream * per_stream;
    const uint32_t left = j->image.tiles - first, tiles = left < per_stream ? left : per_stream;
    pico_status status =
        pico_decode_stream(j->model, j->stream.data, j->stream.size, &j->image, stream, &j->streams[stream],
                           j->z + first, j->y + first, j->decode_scratch, j->decode_size, NULL);
    put(&j->found, "stream");
    put_number(&j->found, stream);
    put(&j->found, " ");
    put(&j->found, pico_status_name(status));
    put(&j->found, "\n");
    for (uint32_t t = 0; t < tiles && status == PICO_OK; t++) status = describe_tile(j, first + t);
    return status;
}

static pico_status describe(judge *j, pico_span model, uint32_t cpu_flags) {
    pico_status status = load_model(j, model, cpu_flags);
    if (status == PICO_OK) status = read_header(j);
    if (status == PICO_OK) status = allocate(j);
    if (status != PICO_OK) return status;
    put(&j->found, "size");
    put_number(&j->found, j->image.width);
    put_number(&j->found, j->image.height);
    put(&j->found, "\nlayout");
    put_number(&j->found, j->image.layout.lanes);
    put_number(&j->found, j->image.layout.tiles_per_stream);
    put(&j->found, "\n");
    describe_chunks(j);
    pico_status first_error = PICO_OK;
    for (uint32_t s = 0; s < j->image.streams; s++) {
        status = describe_stream(j, s);
        if (first_error == PICO_OK) first_error = status;
    }
    return first_error;
}

/* ---- The same symbols, coded again ---- */

static pico_status encode_streams(judge *j, pico_file *file, int skip, pico_span *streams) {
    size_t scratch_size = 0, capacity = 0;
    pico_status status = pico_encode_memory(j->model, &file->grid, &file->layout, &scratch_size, &capacity);
    void *scratch = take(&j->memory, scratch_size);
    for (uint32_t s = 0; s < j->image.streams && status == PICO_OK; s++) {
        const uint32_t first = s * file->layout.tiles_per_stream;
        uint8_t *out = take(&j->memory, capacity);
        if (j->memory.exhausted) return PICO_E_BUFFER;
        streams[s].data = out;
        status =
            pico_encode_stream(j->model, &file->grid, &file->layout, file->levels, s, skip, j->z + first,
                               j->y + first, scratch, scratch_size, out, capacity, &streams[s].size, NULL);
    }
    return status;
}

static int encodes_to_same_bytes(judge *j, int skip) {
    pico_file file;
    const pico_image *image = &j->image;
    uint8_t *levels = take(&j->memory, image->tiles);
    pico_span *streams = take(&j->memory, image->streams * sizeof *streams);
    pico_chunk_source *chunks = take(&j->memory, image->chunks * sizeof *chunks);
    uint8_t *out = take(&j->memory, j->stream.size);
    if (j->memory.exhausted) return 0;
    for (uint32_t t = 0; t < image->tiles; t++) levels[t] = pico_tile_level(j->stream.data, image, t);
    for (uint32_t i = 0; i < image->chunks; i++) {
        for (size_t c = 0; c < 4; c++) chunks[i].type[c] = j->chunks[i].type[c];
        chunks[i].payload.data = j->stream.data + j->chunks[i].offset;
        chunks[i].payload.size = j->chunks[i].size;
    }
    for (size_t i = 0; i < PICO_FINGERPRINT_SIZE; i++)
        file.entropy_fingerprint[i] = image->entropy_fingerprint[i];
    for (size_t i = 0; i < PICO_PIXEL_FINGERPRINT_SIZE; i++)
        file.pixel_fingerprint[i] = image->pixel_fingerprint[i];
    file.layout.lanes = image->layout.lanes;
    file.layout.tiles_per_stream = image->layout.tiles_per_stream;
    file.levels = levels;
    file.chunks = chunks;
    file.chunk_count = image->chunks;
    file.streams = streams;
    size_t size = 0;
    if (pico_grid_init(j->model, image->width, image->height, &file.grid, NULL) != PICO_OK) return 0;
    if (encode_streams(j, &file, skip, streams) != PICO_OK) return 0;
    if (pico_file_write(j->model, &file, out, j->stream.size, &size, NULL) != PICO_OK) return 0;
    if (size != j->stream.size) return 0;
    for (size_t i = 0; i < size; i++) {
        if (out[i] != j->stream.data[i]) return 0;
    }
    return 1;
}

static void describe_encoding(judge *j, int skip) {
    put(&j->found, "encode");
    if (!encodes_to_same_bytes(j, skip)) {
        put(&j->found, " differs");
    } else if (skip == PICO_SKIP_AUTO) {
        put(&j->found, " auto");
    } else {
        put_number(&j->found, (uint32_t)skip);
    }
    put(&j->found, "\n");
}

/* ---- Verdict ---- */

static void compare(pico_span expect, conform_result *result) {
    conform_line expected = all_of(expect), found = result->all_found;
    while (expected.size > 0 || found.size > 0) {
        result->expected = next_line(&expected);
        result->found = next_line(&found);
        if (!equal(result->expected, result->found)) return;
    }
    result->expected.size = result->found.size = 0;
}

static void hash_over(const uint8_t *hashes, uint32_t count, uint8_t hash[CONFORM_HASH]) {
    pico_sha256(hashes, (size_t)count * CONFORM_HASH, hash);
}

conform_verdict conform_judge(pico_span model, pico_span stream, pico_span expect, uint32_t cpu_flags,
                              void *memory, size_t memory_size, conform_result *result) {
    char name[CONFORM_NAME];
    if (!conform_model(expect, name)) return CONFORM_MALFORMED;
    judge j;
    j.stream = stream;
    j.memory.at = memory;
    j.memory.left = memory_size;
    j.memory.exhausted = 0;
    j.decoded = 0;
    j.z_hashes = j.index_hashes = j.y_hashes = memory; /* of no tiles, until there are some */
    /* A description that is longer than what was expected, by more than a line, differs anyway. */
    j.found.capacity = expect.size + 512;
    j.found.size = 0;
    j.found.data = take(&j.memory, j.found.capacity);
    if (j.memory.exhausted) return CONFORM_MEMORY;

    put(&j.found, "pico-vector 1\nmodel ");
    put(&j.found, name);
    put(&j.found, "\n");
    result->status = describe(&j, model, cpu_flags);
    put(&j.found, "status ");
    put(&j.found, pico_status_name(result->status));
    put(&j.found, "\n");
    const int skip = skip_to_encode_with(expect);
    if (result->status == PICO_OK && skip != DO_NOT_ENCODE) describe_encoding(&j, skip);
    if (j.memory.exhausted) return CONFORM_MEMORY;

    result->tiles = j.decoded;
    hash_over(j.z_hashes, j.decoded, result->z);
    hash_over(j.index_hashes, j.decoded, result->indices);
    hash_over(j.y_hashes, j.decoded, result->y);
    result->all_found.text = j.found.data;
    result->all_found.size = j.found.size < j.found.capacity ? j.found.size : j.found.capacity;
    compare(expect, result);
    return result->expected.size == 0 && result->found.size == 0 ? CONFORM_EXACT : CONFORM_DIFFERS;
}
