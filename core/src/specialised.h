/* For functions that take a constant which has to become one in each caller, whatever the compiler thinks of
 * their size. */
#ifndef PICO_SPECIALISED_H
#define PICO_SPECIALISED_H

#define SPECIALISED static inline __attribute__((always_inline))

#endif
