#include "test.h"

static int run_all(const test_case *tests) {
    int count = 0;
    for (; tests->promise != NULL; tests++, count++) {
        tests->run();
        printf("ok  %s\n", tests->promise);
    }
    return count;
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    int count = run_all(checksum_tests) + run_all(rans_tests) + run_all(kernel_tests) + run_all(set_tests) +
                run_all(model_tests) + run_all(limit_tests) + run_all(stream_tests) +
                run_all(symbol_tests);
    printf("%d promises kept\n", count);
    return 0;
}
