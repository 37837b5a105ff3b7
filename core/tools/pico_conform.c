/* pico_conform VECTORS [NAME...]: decode conformance vectors on this machine and compare every symbol.
 *
 * Needs the core, conform.c and a C library that reads files and lists folders. Prints one line of JSON for
 * what runs, then one for each vector. Exit code: 0 all exact, 11 some vector differs, 3 the folder is not
 * the set that its index lists (nothing is judged then), 2 wrong arguments. PICO_CPU forces a kernel set. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"
#include "select_kernels.h"

enum { EXIT_USAGE = 2, EXIT_FOLDER = 3, EXIT_DIFFERS = 11, MAX_PATH_SIZE = 1024 };
static const size_t FIRST_MEMORY = (size_t)8 << 20, MOST_MEMORY = (size_t)1 << 30;

typedef struct buffer {
    uint8_t *data; /* with a zero byte after its end */
    size_t size;
} buffer;

static int join(char *path, const char *folder, const char *name) {
    int size = snprintf(path, MAX_PATH_SIZE, "%s/%s", folder, name);
    return size > 0 && size < MAX_PATH_SIZE;
}

static int read_file(const char *path, buffer *out) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return 0;
    size_t capacity = 1 << 16, size = 0, got = 0;
    uint8_t *data = malloc(capacity + 1);
    while (data != NULL && (got = fread(data + size, 1, capacity - size, file)) > 0) {
        size += got;
        if (size < capacity) continue;
        uint8_t *larger = realloc(data, 2 * capacity + 1);
        if (larger == NULL) free(data);
        data = larger;
        capacity *= 2;
    }
    int good = data != NULL && !ferror(file);
    fclose(file);
    if (!good) {
        free(data);
        return 0;
    }
    data[size] = 0;
    out->data = data;
    out->size = size;
    return 1;
}

static int read_in(const char *folder, const char *name, const char *suffix, buffer *out) {
    char relative[MAX_PATH_SIZE], path[MAX_PATH_SIZE];
    int size = snprintf(relative, sizeof relative, "%s%s", name, suffix);
    return size > 0 && size < MAX_PATH_SIZE && join(path, folder, relative) && read_file(path, out);
}

/* ---- The index: which files a set has, and their hashes ---- */

/* The next line of `at`, cut out of it in place; NULL after the last. */
static char *cut_line(char **at) {
    char *line = *at;
    if (*line == 0) return NULL;
    char *end = strchr(line, '\n');
    *at = end == NULL ? line + strlen(line) : end + 1;
    if (end != NULL) *end = 0;
    return line;
}

typedef struct vector_set {
    const char *folder;
    char *text;     /* of the index, which everything below points into */
    char **files;   /* "<sha256> <path>" */
    char **vectors; /* names */
    size_t file_count, vector_count;
    const char *number;
} vector_set;

static void free_set(vector_set *set) {
    free(set->text);
    free(set->files);
    free(set->vectors);
}

/* Whatever it returns, `set` can be freed. */
static int read_index(const char *folder, vector_set *set) {
    buffer index;
    memset(set, 0, sizeof *set);
    set->folder = folder;
    if (!read_in(folder, "index.txt", "", &index)) return 0;
    set->text = (char *)index.data;
    size_t lines = 1;
    for (size_t i = 0; i < index.size; i++) lines += index.data[i] == '\n';
    set->files = calloc(lines, sizeof *set->files);
    set->vectors = calloc(lines, sizeof *set->vectors);
    char *at = set->text, *line = cut_line(&at);
    if (set->files == NULL || set->vectors == NULL) return 0;
    if (line == NULL || strcmp(line, "pico-vectors 1") != 0) return 0;
    while ((line = cut_line(&at)) != NULL) {
        if (strncmp(line, "set ", 4) == 0) {
            set->number = line + 4;
        } else if (strncmp(line, "file ", 5) == 0 && strlen(line) > 5 + 2 * CONFORM_HASH + 1) {
            set->files[set->file_count++] = line + 5;
        } else if (strncmp(line, "vector ", 7) == 0) {
            set->vectors[set->vector_count++] = line + 7;
        } else {
            return 0;
        }
    }
    return set->number != NULL && set->vector_count > 0;
}

static const char *path_of(const char *file) {
    return file + 2 * CONFORM_HASH + 1;
}

static int is_listed(const vector_set *set, const char *path) {
    if (strcmp(path, "index.txt") == 0) return 1;
    for (size_t i = 0; i < set->file_count; i++) {
        if (strcmp(path_of(set->files[i]), path) == 0) return 1;
    }
    return 0;
}

static int complain(const char *path, const char *what) {
    printf("{\"file\": \"%s\", \"verdict\": \"%s\"}\n", path, what);
    return 1;
}

static int check_files(const vector_set *set) {
    int problems = 0;
    for (size_t i = 0; i < set->file_count; i++) {
        const char *path = path_of(set->files[i]);
        buffer file;
        if (!read_in(set->folder, path, "", &file)) {
            problems += complain(path, "missing");
            continue;
        }
        uint8_t hash[CONFORM_HASH];
        char hex[2 * CONFORM_HASH + 1];
        pico_sha256(file.data, file.size, hash);
        for (size_t b = 0; b < CONFORM_HASH; b++) snprintf(hex + 2 * b, 3, "%02x", hash[b]);
        if (strncmp(hex, set->files[i], 2 * CONFORM_HASH) != 0) problems += complain(path, "altered");
        free(file.data);
    }
    return problems;
}

/* `under`: the part of the path below the set's folder, "" at the top. */
static int check_for_unlisted(const vector_set *set, const char *under) {
    char path[MAX_PATH_SIZE], relative[MAX_PATH_SIZE];
    int problems = 0;
    if (!join(path, set->folder, under)) return 1;
    DIR *folder = opendir(path);
    if (folder == NULL) return complain(under, "unreadable");
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        int size = snprintf(relative, sizeof relative, "%s%s%s", under, *under ? "/" : "", entry->d_name);
        if (size >= MAX_PATH_SIZE || !join(path, set->folder, relative)) {
            problems += complain(entry->d_name, "path too long");
            continue;
        }
        DIR *deeper = opendir(path); /* says what is a folder on every system */
        if (deeper != NULL) {
            closedir(deeper);
            problems += check_for_unlisted(set, relative);
        } else if (!is_listed(set, relative)) {
            problems += complain(relative, "unlisted");
        }
    }
    closedir(folder);
    return problems;
}

/* ---- Judging ---- */

static pico_span span_of(buffer b) {
    pico_span span = {b.data, b.size};
    return span;
}

static void print_hash(const char *key, const uint8_t hash[CONFORM_HASH]) {
    printf(", \"%s\": \"", key);
    for (size_t i = 0; i < CONFORM_HASH; i++) printf("%02x", hash[i]);
    printf("\"");
}

static void print_line(const char *key, conform_line line) {
    printf(", \"%s\": \"", key);
    for (size_t i = 0; i < line.size; i++) {
        char c = line.text[i];
        putchar(c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c);
    }
    printf("\"");
}

static int report(const char *name, conform_verdict verdict, const conform_result *result) {
    static const char *const words[] = {"exact", "differs", "malformed", "out-of-memory"};
    printf("{\"vector\": \"%s\", \"verdict\": \"%s\"", name, words[verdict]);
    if (verdict == CONFORM_EXACT || verdict == CONFORM_DIFFERS) {
        printf(", \"status\": \"%s\", \"tiles\": %u", pico_status_name(result->status),
               (unsigned)result->tiles);
        print_hash("z", result->z);
        print_hash("indices", result->indices);
        print_hash("y", result->y);
    }
    if (verdict == CONFORM_DIFFERS) {
        print_line("expected", result->expected);
        print_line("found", result->found);
    }
    printf("}\n");
    return verdict == CONFORM_EXACT;
}

static int judge_vector(const vector_set *set, const char *name, uint32_t cpu_flags) {
    buffer expect, stream, model;
    conform_result result;
    char model_name[CONFORM_NAME], model_path[CONFORM_NAME + 8];
    memset(&result, 0, sizeof result);
    if (!read_in(set->folder, name, "/expect.txt", &expect) ||
        !read_in(set->folder, name, "/stream.pico", &stream) || !conform_model(span_of(expect), model_name) ||
        snprintf(model_path, sizeof model_path, "models/%s", model_name) < 0 ||
        !read_in(set->folder, model_path, ".bin", &model)) {
        return report(name, CONFORM_MALFORMED, &result);
    }
    conform_verdict verdict = CONFORM_MEMORY;
    void *memory = NULL;
    for (size_t size = FIRST_MEMORY; verdict == CONFORM_MEMORY && size <= MOST_MEMORY; size *= 2) {
        free(memory);
        memory = malloc(size);
        if (memory == NULL) break;
        verdict =
            conform_judge(span_of(model), span_of(stream), span_of(expect), cpu_flags, memory, size, &result);
    }
    int exact = report(name, verdict, &result);
    free(memory);
    free(expect.data);
    free(stream.data);
    free(model.data);
    return exact;
}

static int is_wanted(const char *name, int count, char **wanted) {
    for (int i = 0; i < count; i++) {
        if (strcmp(name, wanted[i]) == 0) return 1;
    }
    return count == 0;
}

static int is_vector(const vector_set *set, const char *name) {
    for (size_t i = 0; i < set->vector_count; i++) {
        if (strcmp(set->vectors[i], name) == 0) return 1;
    }
    return 0;
}

static int judge_set(const vector_set *set, int count, char **wanted, uint32_t flags) {
    for (int i = 0; i < count; i++) {
        if (is_vector(set, wanted[i])) continue;
        fprintf(stderr, "%s is not a vector of this set\n", wanted[i]);
        return EXIT_USAGE;
    }
    if (check_files(set) + check_for_unlisted(set, "") > 0) return EXIT_FOLDER;
    printf("{\"set\": %s, \"bitstream\": \"%d.%d\", \"kernels\": \"%s\"}\n", set->number, PICO_VERSION_MAJOR,
           PICO_VERSION_MINOR, pico_kernels_name(flags));
    int differing = 0;
    for (size_t i = 0; i < set->vector_count; i++) {
        if (is_wanted(set->vectors[i], count, wanted))
            differing += !judge_vector(set, set->vectors[i], flags);
    }
    return differing == 0 ? 0 : EXIT_DIFFERS;
}

int main(int argc, char **argv) {
    vector_set set;
    uint32_t flags = 0;
    if (argc < 2) {
        fprintf(stderr, "usage: pico_conform VECTORS [NAME...]\n");
        return EXIT_USAGE;
    }
    if (!select_kernels("pico_conform", &flags)) return EXIT_USAGE;
    int code = EXIT_FOLDER;
    if (read_index(argv[1], &set)) {
        code = judge_set(&set, argc - 2, argv + 2, flags);
    } else {
        complain("index.txt", "missing or malformed");
    }
    free_set(&set);
    return code;
}
