/* Bytes in and out, one by one: endianness and alignment cannot matter. Own copies of the mem functions,
 * because the library links against nothing. */
#ifndef PICO_BYTES_H
#define PICO_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "pico.h"

static inline uint16_t read_u16(const uint8_t *p) {
    return (uint16_t)(p[0] | (uint32_t)p[1] << 8);
}

static inline uint32_t read_u32(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t read_u64(const uint8_t *p) {
    return read_u32(p) | (uint64_t)read_u32(p + 4) << 32;
}

static inline void write_u16(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void write_u32(uint8_t *p, uint32_t v) {
    write_u16(p, v & 0xFFFF);
    write_u16(p + 2, v >> 16);
}

static inline void write_u64(uint8_t *p, uint64_t v) {
    write_u32(p, (uint32_t)v);
    write_u32(p + 4, (uint32_t)(v >> 32));
}

static inline void copy_bytes(void *to, const void *from, size_t size) {
    uint8_t *t = to;
    const uint8_t *f = from;
    for (size_t i = 0; i < size; i++) t[i] = f[i];
}

static inline void fill_bytes(void *to, uint8_t value, size_t size) {
    uint8_t *t = to;
    for (size_t i = 0; i < size; i++) t[i] = value;
}

static inline int equal_bytes(const void *a, const void *b, size_t size) {
    const uint8_t *x = a, *y = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < size; i++) difference |= (uint8_t)(x[i] ^ y[i]);
    return difference == 0;
}

/* Writes the fault if the caller wants one, and returns the status. */
static inline pico_status fail(pico_fault *fault, pico_status status, const char *what, uint32_t index,
                               int64_t found, int64_t expected) {
    if (fault != NULL) {
        fault->what = what;
        fault->index = index;
        fault->tile = 0;
        fault->found = found;
        fault->expected = expected;
    }
    return status;
}

/* A window on bytes that remembers running out: readers return 0 then, and the caller asks `ok` once, at the
 * end of a structure, before it trusts anything. */
typedef struct byte_reader {
    const uint8_t *at, *end;
    int ok;
} byte_reader;

static inline size_t reader_left(const byte_reader *r) {
    return (size_t)(r->end - r->at);
}

static inline const uint8_t *reader_take(byte_reader *r, size_t size) {
    if (!r->ok || reader_left(r) < size) {
        r->ok = 0;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += size;
    return p;
}

static inline uint32_t reader_u8(byte_reader *r) {
    const uint8_t *p = reader_take(r, 1);
    return p == NULL ? 0 : p[0];
}

static inline uint32_t reader_u16(byte_reader *r) {
    const uint8_t *p = reader_take(r, 2);
    return p == NULL ? 0 : read_u16(p);
}

static inline uint32_t reader_u32(byte_reader *r) {
    const uint8_t *p = reader_take(r, 4);
    return p == NULL ? 0 : read_u32(p);
}

static inline uint64_t reader_u64(byte_reader *r) {
    const uint8_t *p = reader_take(r, 8);
    return p == NULL ? 0 : read_u64(p);
}

/* LEB128 below 2^32, shortest form only: five bytes at most, the fifth at most 15, the last one not 0 unless
 * it is alone. */
static inline uint32_t reader_varint(byte_reader *r) {
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint32_t byte = reader_u8(r);
        if (shift == 28 && byte > 15) break;
        value |= (byte & 127) << shift;
        if (byte < 128) {
            if (byte == 0 && shift > 0) break;
            return value;
        }
    }
    r->ok = 0;
    return 0;
}

static inline size_t varint_size(uint32_t value) {
    size_t size = 1;
    while (value >= 128) {
        value >>= 7;
        size++;
    }
    return size;
}

static inline uint8_t *write_varint(uint8_t *p, uint32_t value) {
    while (value >= 128) {
        *p++ = (uint8_t)(value | 128);
        value >>= 7;
    }
    *p++ = (uint8_t)value;
    return p;
}

/* Under the address sanitizer a write past one piece of an arena must not land in the next one unseen. */
#if defined(__SANITIZE_ADDRESS__)
#define PICO_ARENA_GUARDS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PICO_ARENA_GUARDS 1
#endif
#endif
#ifdef PICO_ARENA_GUARDS
void __asan_poison_memory_region(const volatile void *at, size_t size);
void __asan_unpoison_memory_region(const volatile void *at, size_t size);
enum { ARENA_GUARD = 64 };
#else
enum { ARENA_GUARD = 0 };
#endif

/* Carves aligned pieces out of the caller's memory. With base NULL it only adds up sizes, so a size query and
 * the real layout are the same code. Sizes are bounded by the limits of the format before they come here:
 * 2^32 is never reached. */
typedef struct arena {
    uint8_t *base;
    size_t size, used;
    int ok;
} arena;

enum { ARENA_ALIGN = 64 };

static inline arena arena_over(void *memory, size_t size) {
    arena a = {memory, size, 0, 1};
    if (memory != NULL) {
        size_t misaligned = (size_t)((uintptr_t)memory % ARENA_ALIGN);
        a.used = misaligned == 0 ? 0 : ARENA_ALIGN - misaligned;
#ifdef PICO_ARENA_GUARDS
        __asan_unpoison_memory_region(memory, size); /* it may have been an arena before */
#endif
    }
    return a;
}

static inline void *arena_take(arena *a, size_t size) {
    size_t padded = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN + ARENA_GUARD;
    size_t at = a->used;
    if (a->base == NULL) {
        a->used += padded;
        return NULL;
    }
    if (at > a->size || a->size - at < padded) {
        a->ok = 0;
        return NULL;
    }
    a->used += padded;
#ifdef PICO_ARENA_GUARDS
    __asan_poison_memory_region(a->base + at + size, padded - size);
#endif
    return a->base + at;
}

/* What to ask the caller for: the pieces, and room to align the first. */
static inline size_t arena_request(const arena *a) {
    return a->used + ARENA_ALIGN;
}

/* 0, -1, 1, -2, ... become 0, 1, 2, 3, ...; without a branch, because symbols are noise. */
static inline uint32_t zigzag(int32_t v) {
    return (uint32_t)v * 2 ^ (0 - (uint32_t)(v < 0));
}

static inline int32_t unzigzag(uint32_t s) {
    return (s & 1) ? -(int32_t)((s + 1) / 2) : (int32_t)(s / 2);
}

#endif
