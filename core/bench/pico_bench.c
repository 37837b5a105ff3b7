/* pico_bench run MODEL STREAM REPORT ITERATIONS WARM_UP: time the core on this machine with one thread, and
 * write what was measured as JSON. pico_bench conform VECTORS [NAME...]: judge conformance vectors.
 *
 * One static program, so that `adb shell` can run it. The report holds parts of the result JSON of
 * pico_deploy/measure/result.py; what the program cannot know (the bundle, what the device is) is added by
 * the one who sent it. Exit code: 0 done, 2 wrong arguments, 3 a file cannot be read, 9 the report cannot be
 * written, 11 the core refused or failed, or a vector differs. PICO_CPU forces a kernel set. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "bench.h"
#include "../tools/select_kernels.h"

enum { EXIT_USAGE = 2, EXIT_INPUT = 3, EXIT_OUTPUT = 9, EXIT_CORE = 11, LOADS = 4, MOST_PASSES = 1000000 };

int pico_conform_main(int argc, char **argv); /* bench_conform.c */

static int read_file(const char *path, pico_span *out) {
    FILE *file = fopen(path, "rb");
    long size = -1;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) size = ftell(file);
    uint8_t *data = size < 0 ? NULL : malloc((size_t)size + 1);
    int good =
        data != NULL && fseek(file, 0, SEEK_SET) == 0 && fread(data, 1, (size_t)size, file) == (size_t)size;
    if (file != NULL) fclose(file);
    out->data = data;
    out->size = good ? (size_t)size : 0;
    if (!good) fprintf(stderr, "pico_bench: cannot read %s\n", path);
    return good;
}

static int read_count(const char *text, uint32_t least, uint32_t *out) {
    char *end = NULL;
    const unsigned long value = strtoul(text, &end, 10);
    if (*text == 0 || *end != 0 || value < least || value > MOST_PASSES) {
        fprintf(stderr, "pico_bench: %s is no number of passes from %u to %d\n", text, (unsigned)least,
                MOST_PASSES);
        return 0;
    }
    *out = (uint32_t)value;
    return 1;
}

/* ---- The report ---- */

static const char *const PHASE_NAMES[BENCH_PHASES] = {"parse", "pixels_in", "scale_indices", "entropy",
                                                      "pixels_out"};

static void print_times(FILE *out, const uint64_t *ns, uint32_t count) {
    fputc('[', out);
    for (uint32_t i = 0; i < count; i++) fprintf(out, "%s%llu", i ? "," : "", (unsigned long long)ns[i]);
    fputc(']', out);
}

static void print_hash(FILE *out, const char *key, const uint8_t hash[32]) {
    fprintf(out, "\"%s\": \"", key);
    for (int i = 0; i < 32; i++) fprintf(out, "%02x", hash[i]);
    fputc('"', out);
}

static void print_operation(FILE *out, const char *key, const bench_operation *operation,
                            uint32_t iterations) {
    fprintf(out, " \"%s\": {\"latency_ns\": ", key);
    print_times(out, operation->latency_ns, iterations);
    fputs(", \"read_back\": \"none\", \"phases\": {", out);
    const char *comma = "";
    for (int phase = 0; phase < BENCH_PHASES; phase++) {
        const bench_samples *samples = &operation->phases[phase];
        if (samples->calls == 0) continue;
        fprintf(out, "%s\n  \"%s\": {\"samples_ns\": [", comma, PHASE_NAMES[phase]);
        for (uint32_t i = 0; i < iterations; i++) {
            if (i > 0) fputc(',', out);
            print_times(out, samples->ns + (size_t)i * samples->calls, samples->calls);
        }
        fputc(']', out);
        if (phase == BENCH_SCALE_INDICES)
            fputs(", \"part_of\": \"entropy\", \"note\": \"timed apart, right after the group\"", out);
        fputc('}', out);
        comma = ",";
    }
    fputs("}},\n", out);
}

/* Text of the system, which is ASCII on every system known, as a JSON string. */
static void print_text(FILE *out, const char *key, const char *text) {
    fprintf(out, " \"%s\": \"", key);
    for (; *text != 0; text++)
        fputc(*text < ' ' || *text > '~' || *text == '"' || *text == '\\' ? '?' : *text, out);
    fputs("\",\n", out);
}

/* Which core this is, as the CPU itself says: implementer and part stand in /proc/cpuinfo too. */
static void print_cpu_id(FILE *out) {
#if defined(__aarch64__) && defined(__linux__) && defined(HWCAP_CPUID)
    if ((getauxval(AT_HWCAP) & HWCAP_CPUID) != 0) {
        uint64_t id;
        __asm__("mrs %0, MIDR_EL1" : "=r"(id));
        fprintf(out, " \"arm_midr\": %llu,\n", (unsigned long long)id);
    }
#endif
    (void)out;
}

static int write_report(const char *path, const bench_job *job, const bench_report *report) {
    FILE *out = fopen(path, "wb");
    if (out == NULL) return 0;
    struct utsname system;
    struct rusage usage;
    memset(&system, 0, sizeof system);
    memset(&usage, 0, sizeof usage);
    uname(&system);
    getrusage(RUSAGE_SELF, &usage);
    fprintf(out, "{\"schema\": 1, \"bitstream\": \"%d.%d\",\n", PICO_VERSION_MAJOR, PICO_VERSION_MINOR);
    print_text(out, "kernels", pico_kernels_name(job->cpu_flags));
    print_text(out, "compiler", __VERSION__);
    print_text(out, "machine", system.machine);
    print_text(out, "system", system.sysname);
    print_text(out, "release", system.release);
    print_cpu_id(out);
    fprintf(out, " \"cpu_count\": %ld, \"peak_memory_bytes\": %lld, \"tiles\": %u, \"stream_bytes\": %llu,\n",
            sysconf(_SC_NPROCESSORS_ONLN), (long long)usage.ru_maxrss * 1024, (unsigned)report->tiles,
            (unsigned long long)job->stream.size);
    fputs(" \"load_ns\": ", out);
    print_times(out, report->load_ns, job->loads);
    fputs(",\n", out);
    print_operation(out, "encode", &report->encode, job->iterations);
    print_operation(out, "decode", &report->decode, job->iterations);
    fprintf(out, " \"same_stream\": %s, \"same_pixels\": %s,\n ", report->same_stream ? "true" : "false",
            report->same_pixels ? "true" : "false");
    print_hash(out, "decoded_symbols_sha256", report->symbols_sha256);
    fputs(", ", out);
    print_hash(out, "stream_sha256", report->stream_sha256);
    fputs("}\n", out);
    const int good = !ferror(out);
    return fclose(out) == 0 && good;
}

static int run(char **arguments) {
    bench_job job;
    bench_report report;
    memset(&job, 0, sizeof job);
    memset(&report, 0, sizeof report);
    job.loads = LOADS;
    if (!read_count(arguments[3], 1, &job.iterations) || !read_count(arguments[4], 0, &job.warm_up) ||
        !select_kernels("pico_bench", &job.cpu_flags)) {
        return EXIT_USAGE;
    }
    if (!read_file(arguments[0], &job.model) || !read_file(arguments[1], &job.stream)) return EXIT_INPUT;
    const pico_status status = bench_run(&job, &report);
    if (status != PICO_OK) {
        fprintf(stderr, "pico_bench: %s: %s %u: found %lld, expected %lld\n", pico_status_name(status),
                report.fault.what == NULL ? "memory" : report.fault.what, (unsigned)report.fault.index,
                (long long)report.fault.found, (long long)report.fault.expected);
        return EXIT_CORE;
    }
    if (!write_report(arguments[2], &job, &report)) {
        fprintf(stderr, "pico_bench: cannot write %s\n", arguments[2]);
        return EXIT_OUTPUT;
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 7 && strcmp(argv[1], "run") == 0) return run(argv + 2);
    if (argc >= 3 && strcmp(argv[1], "conform") == 0) return pico_conform_main(argc - 1, argv + 1);
    fprintf(stderr, "usage: pico_bench run MODEL STREAM REPORT ITERATIONS WARM_UP\n"
                    "       pico_bench conform VECTORS [NAME...]\n");
    return EXIT_USAGE;
}
