/* What the AArch64 kernels share. NEON is part of the architecture, so only the dot product and the
 * checksum need an attribute, which is on every function that uses them, for the reasons in x86.h. Big-endian
 * AArch64, whose vectors are numbered the other way round, and 32-bit Arm stay scalar. */
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

/* Not every clang's arm_acle.h has these in a build for all of AArch64; its builtins are always there. */
#if defined(__clang__)
#define ARM_CRC      __attribute__((target("crc")))
#define ARM_CRC32C_8 __builtin_arm_crc32cd
#define ARM_CRC32C_1 __builtin_arm_crc32cb
#else
#include <arm_acle.h>
#define ARM_CRC      __attribute__((target("+crc")))
#define ARM_CRC32C_8 __crc32cd
#define ARM_CRC32C_1 __crc32cb
#endif

#endif
#endif
