/* pico_conform as a part of pico_bench, so that one program goes to a phone. */
int pico_conform_main(int argc, char **argv);
#define main pico_conform_main
#include "../tools/pico_conform.c"
