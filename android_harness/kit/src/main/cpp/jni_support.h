/* What every native method of the kit needs: checks of what Java passed in, and errors of the core as Java
 * exceptions.
 *
 * Nothing here allocates. Memory that outlives a call, and scratch, are direct ByteBuffers that Java owns, so
 * an exception can leak nothing; arrays that are pinned for a call are let go before it throws. A function
 * that returns 0, NULL or a negative size has left an exception pending. */
#ifndef PICO_JNI_SUPPORT_H
#define PICO_JNI_SUPPORT_H

#include <jni.h>

#include "pico.h"

/* A direct ByteBuffer. */
typedef struct span {
    uint8_t *data;
    size_t size;
} span;

/* Called once, when the library is loaded. */
int support_load(JNIEnv *env);

/* A `CoreException` with the status's number and name; `fault` and `doing` may be NULL. */
void throw_status(JNIEnv *env, pico_status status, const pico_fault *fault, const char *doing);
/* The same for something that Java passed in, PICO_E_ARGUMENT: "`what` `problem`", or "`what`: `found`,
 * expected `expected`". */
void throw_text(JNIEnv *env, const char *what, const char *problem);
void throw_argument(JNIEnv *env, const char *what, int64_t found, int64_t expected);

int span_of(JNIEnv *env, jobject buffer, const char *what, span *found);
/* The same for a buffer that must have room for `size` bytes: PICO_E_BUFFER if it has not. */
int room_in(JNIEnv *env, jobject buffer, size_t size, const char *what, span *found);
int has_length(JNIEnv *env, jarray array, jsize expected, const char *what);
/* 0 <= value < limit, as an index or a count. */
int is_below(JNIEnv *env, jint value, uint32_t limit, const char *what);

int is_float_array(JNIEnv *env, jobject array);
int is_byte_array(JNIEnv *env, jobject array);

/* A model, with the grid of an image of this size. */
typedef struct subject {
    const pico_model *model;
    pico_model_info info;
    pico_grid grid;
} subject;

int model_in(JNIEnv *env, jobject buffer, subject *found);
int grid_in(JNIEnv *env, jobject buffer, jint width, jint height, subject *found);
int layout_in(JNIEnv *env, jint lanes, jint tiles_per_stream, pico_layout *found);

/* A tensor [channels, side, side] in the order of the core, or [side, side, channels] as TFLite has it. */
pico_tensor tensor_at(void *data, pico_element element, uint32_t channels, uint32_t side, int channels_last);

/* Part of a scratch buffer, aligned for anything. */
uint8_t *take(span *scratch, size_t size);
size_t taken_size(size_t size);

/* The z and y of a group's tiles: Object[] of byte[] (int8 symbols) or float[], pinned until `unpin`. */
typedef struct pinned {
    jarray *arrays;
    void **data;
    pico_tensor *z, *y;
    uint32_t tiles, count; /* tiles of the group, arrays that are pinned by now */
} pinned;

/* Scratch that `pin` takes for this many tiles, beside the core's. */
size_t pinned_size(uint32_t tiles);
/* Checks every array, then pins all of them; `scratch` loses what was taken. */
int pin(JNIEnv *env, const subject *s, jobjectArray z, jobjectArray y, uint32_t tiles, int channels_last,
        span *scratch, pinned *p);
/* `mode`: 0 if they were written to, else JNI_ABORT. */
void unpin(JNIEnv *env, pinned *p, jint mode);

int model_load(JNIEnv *env);
int read_load(JNIEnv *env);
int write_load(JNIEnv *env);
int pixels_load(JNIEnv *env);

/* Tie the methods of a Kotlin object to functions; a signature that differs is an error at load. */
int tie(JNIEnv *env, const char *name, const JNINativeMethod *methods, jint count);

#endif
