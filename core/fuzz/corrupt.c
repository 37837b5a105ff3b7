/* Seeded corruptions of real files: flips, overwritten bytes, truncation, fills and splices, in a share of the
 * cases with the checksums made to hold again, so that what lies behind them is tested. Every one has to end
 * in an error, or in a decode whose damage is confined to the streams that the decoder refuses:
 *
 *   - a stream whose bytes and header are untouched decodes to the symbols of the original;
 *   - a touched one is refused, unless its checksum was forged: then it may decode, to symbols in range, the
 *     same ones in every kernel set;
 *   - a touched entropy model is refused, or sound: its network stays inside, and codes and decodes;
 *   - no case takes more steps than its geometry and its size allow. Steps are counted, not timed: the library
 *     is compiled with -fsanitize-coverage=trace-pc, which reports every basic block it runs.
 *
 * Usage: corrupt COUNT SEED FIRST MODEL.bin STREAM.pico... [MODEL.bin STREAM.pico...]
 * COUNT cases from number FIRST on, dealt out evenly; a case depends on SEED and its number only. */
#include <inttypes.h>

#include "corruption.h"
#include "header.h"
#include "model.h"

/* ---- Steps ---- */

static uint64_t steps;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void) {
    steps++;
}

/* The loops over a thing are few and their bodies a few blocks each; nothing else repeats. */
enum { PER_CALL = 1 << 16, PER_BYTE = 128, PER_TILE = 256, PER_ELEMENT = 128, PER_PRODUCT = 16 };

static uint64_t budget_of_bytes(size_t size) {
    return PER_CALL + (uint64_t)PER_BYTE * size;
}

static uint64_t products_of(const pico_model *model) {
    uint64_t products = 0;
    for (uint32_t i = 0; i < model->info.layers; i++) {
        const network_layer *layer = &model->layer[i];
        const uint64_t taps = layer->depthwise ? 9 : layer->inputs;
        products += taps * layer->outputs * layer->side * layer->side;
    }
    return products;
}

static uint64_t budget_of_stream(const pico_model *model, const pico_image *image, uint32_t tiles, size_t size) {
    const uint64_t elements = y_elements(model) + z_elements(model) + model->activation_size * model->info.layers;
    return budget_of_bytes(size) + (uint64_t)PER_TILE * image->tiles +
           tiles * (PER_ELEMENT * elements + PER_PRODUCT * products_of(model));
}

static uint64_t worst_share; /* of a budget, in 1/1000 */

static void require_within(uint64_t budget) {
    REQUIRE(steps <= budget);
    if (1000 * steps / budget > worst_share) worst_share = 1000 * steps / budget;
}

/* ---- Subjects ---- */

enum { MOST_SUBJECTS = 64, MOST_STREAMS = 64 };

typedef struct subject {
    const char *name;
    bytes entropy_bin, file;
    model_in_sets *model;
    pico_image image;
    pico_entry chunks[PICO_MAX_CHUNKS], streams[MOST_STREAMS];
    symbols expected[MOST_STREAMS];
} subject;

static subject subjects[MOST_SUBJECTS];
static size_t subject_count;

static bytes read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "error: %s cannot be read\n", path);
        exit(2);
    }
    uint8_t *data = exactly(PICO_MAX_MODEL);
    const size_t size = fread(data, 1, PICO_MAX_MODEL, file);
    fclose(file);
    const bytes result = copy_of(data, size);
    free(data);
    return result;
}

static void add_subject(const char *name, bytes entropy_bin, model_in_sets *model) {
    REQUIRE(subject_count < MOST_SUBJECTS);
    subject *s = &subjects[subject_count++];
    s->name = name;
    s->entropy_bin = entropy_bin;
    s->model = model;
    s->file = read_file(name);
    REQUIRE(pico_parse(s->file.data, s->file.size, &s->image, NULL) == PICO_OK);
    REQUIRE(s->image.streams <= MOST_STREAMS);
    REQUIRE(pico_directory(s->file.data, s->file.size, &s->image, s->chunks, s->streams) == PICO_OK);
    for (uint32_t i = 0; i < s->image.streams; i++) {
        const uint32_t tiles = tiles_of_stream(&s->image, i);
        s->expected[i] = make_symbols(&model->info, tiles, tiles);
        REQUIRE(decode_one(model->in[0].model, s->file, &s->image, s->streams, i, &s->expected[i]) == PICO_OK);
    }
}

/* ---- What became of the cases ---- */

static struct tally {
    uint64_t kinds[CORRUPTIONS], reasons[PICO_STATUS_COUNT];
    uint64_t refused_files, followed_files, unchanged;
    uint64_t untouched_streams, refused_streams, forged_refused, forged_accepted, forged_same;
    uint64_t refused_models, sound_models;
} tally;

/* ---- One damaged file ---- */

typedef enum forgery { FORGE_NOTHING, FORGE_HEADER, FORGE_ALL } forgery;

static int same_bytes(const subject *s, bytes file, uint64_t from, uint64_t to) {
    return to <= file.size && to <= s->file.size &&
           memcmp(file.data + from, s->file.data + from, (size_t)(to - from)) == 0;
}

static void judge_stream(const subject *s, size_t set, bytes file, const pico_image *image,
                         const pico_entry *streams, uint32_t stream, int header_is_same, forgery forged) {
    const uint32_t tiles = tiles_of_stream(image, stream);
    symbols found = make_symbols(&s->model->info, tiles, s->image.layout.tiles_per_stream);
    const pico_model *model = s->model->in[set].model;
    steps = 0;
    const pico_status status = decode_one(model, file, image, streams, stream, &found);
    require_within(budget_of_stream(model, image, tiles, streams[stream].size));
    require_same_beside_another(s->model, set, file, image, streams, stream, status, &found);
    const uint64_t end = streams[stream].offset + streams[stream].size + CRC_SIZE;
    const int untouched = header_is_same && same_bytes(s, file, streams[stream].offset, end);
    if (untouched) {
        REQUIRE(status == PICO_OK && symbols_are_equal(&found, &s->expected[stream]));
        tally.untouched_streams++;
    } else if (forged != FORGE_ALL) {
        REQUIRE(status == PICO_E_STREAM_DAMAGED || status == PICO_E_TRUNCATED);
        tally.refused_streams++;
    } else if (status != PICO_OK) {
        REQUIRE(status == PICO_E_STREAM_DAMAGED || status == PICO_E_TRUNCATED);
        tally.forged_refused++;
    } else {
        pico_grid grid;
        REQUIRE(pico_grid_init(model, image->width, image->height, &grid, NULL) == PICO_OK);
        if (found.held == tiles)
            REQUIRE(symbols_are_sound(&found, &s->model->info, &grid, stream * image->layout.tiles_per_stream));
        symbols scalar = make_symbols(&s->model->info, tiles, s->image.layout.tiles_per_stream);
        REQUIRE(decode_one(s->model->in[0].model, file, image, streams, stream, &scalar) == PICO_OK);
        REQUIRE(symbols_are_equal(&found, &scalar));
        drop_symbols(&scalar);
        tally.forged_accepted++;
        tally.forged_same += stream < s->image.streams && symbols_are_equal(&found, &s->expected[stream]);
    }
    drop_symbols(&found);
}

static void judge_chunks(const subject *s, bytes file, const pico_image *image, const pico_entry *chunks,
                         int header_is_same, forgery forged) {
    for (uint32_t i = 0; i < image->chunks; i++) {
        const pico_status status = pico_chunk_check(file.data, file.size, image, i, &chunks[i], NULL);
        const uint64_t end = chunks[i].offset + chunks[i].size + CRC_SIZE;
        if (header_is_same && same_bytes(s, file, chunks[i].offset, end)) {
            REQUIRE(status == PICO_OK);
        } else if (forged != FORGE_ALL) {
            REQUIRE(status == PICO_E_CHUNK_DAMAGED || status == PICO_E_TRUNCATED);
        }
    }
}

static pico_status read_header(bytes file, pico_image *image) {
    pico_fault fault = {0};
    steps = 0;
    const pico_status status = pico_parse(file.data, file.size, image, &fault);
    require_within(budget_of_bytes(file.size));
    REQUIRE((status == PICO_OK) == (fault.what == NULL));
    return status;
}

static void judge_file(const subject *s, size_t set, bytes file, forgery forged) {
    if (forged != FORGE_NOTHING) reseal_header(file);
    pico_image image;
    pico_status status = read_header(file, &image);
    if (status == PICO_OK) status = pico_model_check(s->model->in[set].model, file.data, &image, NULL);
    tally.reasons[status]++;
    const int header_is_same = image.header_size == s->image.header_size && file.size >= image.header_size &&
                               memcmp(file.data, s->file.data, image.header_size) == 0;
    if (status != PICO_OK) {
        REQUIRE(!header_is_same || status == PICO_E_TRAILING_BYTES);
        tally.refused_files++;
        return;
    }
    tally.followed_files++;
    pico_entry *chunks = exactly(image.chunks * sizeof *chunks);
    pico_entry *streams = exactly(image.streams * sizeof *streams);
    REQUIRE(pico_directory(file.data, file.size, &image, chunks, streams) == PICO_OK);
    if (forged == FORGE_ALL) {
        for (uint32_t i = 0; i < image.chunks; i++) reseal_part(file, &image, SEAL_CHUNK, i, &chunks[i]);
        for (uint32_t i = 0; i < image.streams; i++) reseal_part(file, &image, SEAL_STREAM, i, &streams[i]);
    }
    judge_chunks(s, file, &image, chunks, header_is_same, forged);
    for (uint32_t i = 0; i < image.streams && i < MOST_STREAMS; i++)
        judge_stream(s, set, file, &image, streams, i, header_is_same, forged);
    free(chunks);
    free(streams);
}

static void corrupt_file(const subject *s, random_source *random) {
    const uint32_t stream = random_below(random, s->image.streams);
    const subject *donor = &subjects[random_below(random, (uint32_t)subject_count)];
    const corruption kind = (corruption)random_below(random, CORRUPTIONS);
    const size_t low = (size_t)s->streams[stream].offset;
    const bytes file = corrupt(s->file, low, low + s->streams[stream].size, random_below(random, 2) ? s->file : donor->file,
                               kind, random);
    tally.kinds[kind]++;
    tally.unchanged += file.size == s->file.size && memcmp(file.data, s->file.data, file.size) == 0;
    const uint32_t forged = random_below(random, 8);
    judge_file(s, random_below(random, (uint32_t)s->model->count), file,
               forged < 3 ? FORGE_NOTHING : forged < 4 ? FORGE_HEADER : FORGE_ALL);
    free(file.data);
}

/* ---- One damaged model ---- */

/* The streams of a file, with another model's fingerprint and forged checksums. */
static void decode_with(const subject *s, model_in_sets *model) {
    subject other = *s;
    other.model = model;
    const bytes file = copy_of(s->file.data, s->file.size);
    memcpy(file.data + HEADER_ENTROPY_FINGERPRINT, model->info.fingerprint, PICO_FINGERPRINT_SIZE);
    judge_file(&other, model->count - 1, file, FORGE_ALL);
    free(file.data);
}

static void corrupt_model(const subject *s, random_source *random) {
    const subject *donor = &subjects[random_below(random, (uint32_t)subject_count)];
    const corruption kind = (corruption)random_below(random, CORRUPTIONS);
    const size_t head = s->entropy_bin.size < 256 ? s->entropy_bin.size : 256;
    const bytes model = corrupt(s->entropy_bin, 0, head, donor->entropy_bin, kind, random);
    tally.kinds[kind]++;
    if (model.size >= 20 && random_below(random, 8) != 0) {
        if (random_below(random, 8) != 0) write_u32(model.data + 12, (uint32_t)model.size);
        reseal_model(model);
    }
    steps = 0;
    const pico_status status = check_and_mend_model(model);
    require_within((2 * PICO_MAX_LAYERS + 1) * budget_of_bytes(model.size));
    tally.reasons[status]++;
    if (status != PICO_OK) {
        tally.refused_models++;
    } else {
        tally.sound_models++;
        model_in_sets loaded = load_in_all_sets(model);
        exercise_model(&loaded);
        if (loaded.info.payload == s->model->info.payload && loaded.info.border == s->model->info.border &&
            loaded.info.y_side == s->model->info.y_side)
            decode_with(s, &loaded);
        drop_sets(&loaded);
    }
    free(model.data);
}

/* ---- The run ---- */

static uint64_t current_case, run_seed;

static void name_the_case(void) {
    fprintf(stderr, "broken by: corrupt 1 %" PRIu64 " %" PRIu64 " FILES...\n", run_seed, current_case);
}

static void print_tally(uint64_t count) {
    printf("%" PRIu64 " corruptions of %zu streams and their models: no crash, no step over budget, no wrong symbol "
           "outside a refused stream\n",
           count, subject_count);
    for (int kind = 0; kind < CORRUPTIONS; kind++)
        printf("  %-30s %9" PRIu64 "\n", corruption_names[kind], tally.kinds[kind]);
    printf("  files refused whole            %9" PRIu64 "\n", tally.refused_files);
    printf("  files followed                 %9" PRIu64 "\n", tally.followed_files);
    printf("    untouched streams, all right %9" PRIu64 "\n", tally.untouched_streams);
    printf("    touched streams, all refused %9" PRIu64 "\n", tally.refused_streams);
    printf("    forged streams refused       %9" PRIu64 "\n", tally.forged_refused);
    printf("    forged streams accepted      %9" PRIu64 "\n", tally.forged_accepted);
    printf("      with the original symbols  %9" PRIu64 "\n", tally.forged_same);
    printf("  models refused                 %9" PRIu64 "\n", tally.refused_models);
    printf("  models still sound             %9" PRIu64 "\n", tally.sound_models);
    for (int status = 0; status < PICO_STATUS_COUNT; status++) {
        if (tally.reasons[status] > 0)
            printf("  status %-23s %9" PRIu64 "\n", pico_status_name(status), tally.reasons[status]);
    }
    printf("  largest share of a step budget %6" PRIu64 ".%" PRIu64 " %%\n", worst_share / 10, worst_share % 10);
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: corrupt COUNT SEED FIRST MODEL.bin STREAM.pico... [MODEL.bin STREAM.pico...]\n");
        return 2;
    }
    const uint64_t count = strtoull(argv[1], NULL, 10), first = strtoull(argv[3], NULL, 10);
    run_seed = strtoull(argv[2], NULL, 10);
    static model_in_sets models[MOST_SUBJECTS];
    size_t model_count = 0;
    bytes entropy_bin = {NULL, 0};
    for (int i = 4; i < argc; i++) {
        const char *end = strrchr(argv[i], '.');
        if (end != NULL && strcmp(end, ".bin") == 0) {
            REQUIRE(model_count < MOST_SUBJECTS);
            entropy_bin = read_file(argv[i]);
            models[model_count++] = load_in_all_sets(entropy_bin);
        } else {
            REQUIRE(model_count > 0);
            add_subject(argv[i], entropy_bin, &models[model_count - 1]);
        }
    }
    REQUIRE(subject_count > 0);
    atexit(name_the_case);
    for (current_case = first; current_case < first + count; current_case++) {
        random_source random = random_from(run_seed, current_case);
        const subject *s = &subjects[random_below(&random, (uint32_t)subject_count)];
        if (random_below(&random, 8) == 0) {
            corrupt_model(s, &random);
        } else {
            corrupt_file(s, &random);
        }
    }
    print_tally(count);
    fflush(stdout);
    _Exit(0);
}
