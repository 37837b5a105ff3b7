/* What the contract test runs on every target. probe echo VARIABLE ARGUMENT...: arguments to stdout, each with
 * its end marked, the variable to stderr. probe exit N. probe wait: forever. probe copy FROM TO. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int copy(const char *from, const char *to) {
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    if (in == NULL || out == NULL) return 3;
    for (int c; (c = getc(in)) != EOF;) putc(c, out);
    return fclose(in) + fclose(out) == 0 ? 0 : 3;
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "echo") == 0) {
        const char *value = getenv(argv[2]);
        for (int i = 3; i < argc; i++) printf("%s|", argv[i]);
        fprintf(stderr, "%s", value == NULL ? "unset" : value);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "exit") == 0) return atoi(argv[2]);
    if (argc == 2 && strcmp(argv[1], "wait") == 0) {
        for (;;) sleep(60);
    }
    if (argc == 4 && strcmp(argv[1], "copy") == 0) return copy(argv[2], argv[3]);
    return 2;
}
