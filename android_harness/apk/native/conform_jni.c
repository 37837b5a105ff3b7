/* pico_conform as a library for Java: its lines go to a file instead of standard output.
 *
 * Class org.picodeploy.conform.Conform, int run(String vectors, String results, String kernels): the exit code
 * of pico_conform, or -1 where the results cannot be written. One call at a time: standard output and PICO_CPU
 * belong to the process. */
#include <jni.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int pico_conform_main(int argc, char **argv);
#define main pico_conform_main
#include "../../../core/tools/pico_conform.c" /* NOLINT(bugprone-suspicious-include): a program without a library */
#undef main

enum { EXIT_RESULTS = -1 };

/* Standard output goes to `path` while pico_conform runs; whoever else has it gets it back. */
static int judge_into(char *vectors, const char *path) {
    FILE *file = fopen(path, "w");
    if (file == NULL) return EXIT_RESULTS;
    fflush(stdout);
    int saved = dup(STDOUT_FILENO), code = EXIT_RESULTS;
    if (saved >= 0 && dup2(fileno(file), STDOUT_FILENO) >= 0) {
        char *arguments[] = {"pico_conform", vectors, NULL};
        code = pico_conform_main(2, arguments);
        if (fflush(stdout) != 0) code = EXIT_RESULTS;
        dup2(saved, STDOUT_FILENO);
    }
    if (saved >= 0) close(saved);
    return fclose(file) == 0 ? code : EXIT_RESULTS;
}

JNIEXPORT jint JNICALL Java_org_picodeploy_conform_Conform_run(JNIEnv *env, jclass class, jstring vectors,
                                                               jstring results, jstring kernels) {
    (void)class;
    int code = EXIT_RESULTS;
    const char *from = (*env)->GetStringUTFChars(env, vectors, NULL);
    const char *to = from == NULL ? NULL : (*env)->GetStringUTFChars(env, results, NULL);
    const char *cpu = to == NULL ? NULL : (*env)->GetStringUTFChars(env, kernels, NULL);
    if (cpu != NULL && setenv("PICO_CPU", cpu, 1) == 0) code = judge_into((char *)from, to);
    if (cpu != NULL) (*env)->ReleaseStringUTFChars(env, kernels, cpu);
    if (to != NULL) (*env)->ReleaseStringUTFChars(env, results, to);
    if (from != NULL) (*env)->ReleaseStringUTFChars(env, vectors, from);
    return code;
}
