/* How the guest tells the plugin that a phase begins or ends. */
#ifndef PICO_BENCH_MARK_H
#define PICO_BENCH_MARK_H

enum { MARK_FD = 977 };

#endif
