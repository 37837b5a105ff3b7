/* What the AArch64 kernels share. NEON is part of the architecture, so only the dot product needs an
 * attribute, which is on every function that uses it, for the reasons in x86.h. Big-endian AArch64, whose
 * vectors are numbered the other way round, and 32-bit Arm stay scalar. */
#ifndef PICO_ARM_H
#define PICO_ARM_H

#if defined(__aarch64__) && !defined(__AARCH64EB__) && (defined(__GNUC__) || defined(__clang__))
#define PICO_NEON 1

#include <arm_neon.h>

#include "kernels.h"
#include "mask_tables.h"
#include "specialised.h"

#if defined(__ARM_FEATURE_DOTPROD)
#define NEON_DOT
#elif defined(__clang__)
#define NEON_DOT __attribute__((target("dotprod")))
#else
#define NEON_DOT __attribute__((target("arch=armv8.2-a+dotprod")))
#endif

#endif
#endif
