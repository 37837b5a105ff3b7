#include "jni_support.h"

#include <stdio.h>

static jclass exception_class, byte_array_class, float_array_class;
static jmethodID exception_new;

static jclass global_class(JNIEnv *env, const char *name) {
    jclass local = (*env)->FindClass(env, name);
    return local == NULL ? NULL : (*env)->NewGlobalRef(env, local);
}

int support_load(JNIEnv *env) {
    exception_class = global_class(env, "org/picodeploy/kit/CoreException");
    byte_array_class = global_class(env, "[B");
    float_array_class = global_class(env, "[F");
    if (exception_class == NULL || byte_array_class == NULL || float_array_class == NULL) return 0;
    exception_new =
        (*env)->GetMethodID(env, exception_class, "<init>", "(ILjava/lang/String;Ljava/lang/String;)V");
    return exception_new != NULL;
}

int tie(JNIEnv *env, const char *name, const JNINativeMethod *methods, jint count) {
    jclass class = (*env)->FindClass(env, name);
    return class != NULL && (*env)->RegisterNatives(env, class, methods, count) == 0;
}

/* ---- Errors ---- */

static void throw_message(JNIEnv *env, pico_status status, const char *message) {
    const char *known = pico_status_name((int)status);
    jstring name = (*env)->NewStringUTF(env, known == NULL ? "unknown" : known);
    jstring text = name == NULL ? NULL : (*env)->NewStringUTF(env, message);
    if (text == NULL) return; /* out of memory, which is already thrown */
    jobject exception = (*env)->NewObject(env, exception_class, exception_new, (jint)status, name, text);
    if (exception != NULL) (*env)->Throw(env, exception);
}

void throw_status(JNIEnv *env, pico_status status, const pico_fault *fault, const char *doing) {
    char message[512];
    const char *text = pico_status_text((int)status);
    int used = snprintf(message, sizeof message, "%s%s%s", doing == NULL ? "" : doing,
                        doing == NULL ? "" : ": ", text == NULL ? "unknown status" : text);
    if (fault != NULL && fault->what != NULL && used > 0 && (size_t)used < sizeof message) {
        snprintf(message + used, sizeof message - (size_t)used, " (%s %u: %lld, expected %lld)", fault->what,
                 (unsigned)fault->index, (long long)fault->found, (long long)fault->expected);
    }
    throw_message(env, status, message);
}

static void throw_what(JNIEnv *env, pico_status status, const char *what, int64_t found, int64_t expected) {
    char message[160];
    snprintf(message, sizeof message, "%s: %lld, expected %lld", what, (long long)found, (long long)expected);
    throw_message(env, status, message);
}

void throw_text(JNIEnv *env, const char *what, const char *problem) {
    char message[160];
    snprintf(message, sizeof message, "%s %s", what, problem);
    throw_message(env, PICO_E_ARGUMENT, message);
}

void throw_argument(JNIEnv *env, const char *what, int64_t found, int64_t expected) {
    throw_what(env, PICO_E_ARGUMENT, what, found, expected);
}

/* ---- What Java passed in ---- */

int span_of(JNIEnv *env, jobject buffer, const char *what, span *found) {
    static uint8_t nothing; /* an empty buffer may have no address */
    const jlong capacity = buffer == NULL ? -1 : (*env)->GetDirectBufferCapacity(env, buffer);
    if (capacity < 0) {
        throw_text(env, what, "is no direct ByteBuffer");
        return 0;
    }
    found->data = (*env)->GetDirectBufferAddress(env, buffer);
    found->size = (size_t)capacity;
    if (found->data == NULL) found->data = &nothing;
    return 1;
}

int room_in(JNIEnv *env, jobject buffer, size_t size, const char *what, span *found) {
    if (!span_of(env, buffer, what, found)) return 0;
    if (found->size >= size) return 1;
    throw_what(env, PICO_E_BUFFER, what, (int64_t)found->size, (int64_t)size);
    return 0;
}

int has_length(JNIEnv *env, jarray array, jsize expected, const char *what) {
    if (array == NULL) {
        throw_text(env, what, "is null");
        return 0;
    }
    const jsize length = (*env)->GetArrayLength(env, array);
    if (length == expected) return 1;
    throw_argument(env, what, length, expected);
    return 0;
}

int is_below(JNIEnv *env, jint value, uint32_t limit, const char *what) {
    if (value >= 0 && (uint32_t)value < limit) return 1;
    throw_argument(env, what, value, (int64_t)limit - 1);
    return 0;
}

int is_float_array(JNIEnv *env, jobject array) {
    return array != NULL && (*env)->IsInstanceOf(env, array, float_array_class);
}

int is_byte_array(JNIEnv *env, jobject array) {
    return array != NULL && (*env)->IsInstanceOf(env, array, byte_array_class);
}

int layout_in(JNIEnv *env, jint lanes, jint tiles_per_stream, pico_layout *found) {
    if (!is_below(env, lanes, PICO_MAX_LANES + 1, "lanes") ||
        !is_below(env, tiles_per_stream - 1, PICO_MAX_TILES_PER_STREAM, "tiles per stream - 1"))
        return 0;
    found->lanes = (uint32_t)lanes;
    found->tiles_per_stream = (uint32_t)tiles_per_stream;
    return 1;
}

/* ---- Memory ---- */

pico_tensor tensor_at(void *data, pico_element element, uint32_t channels, uint32_t side, int channels_last) {
    const ptrdiff_t size = element == PICO_INT8 ? 1 : element == PICO_FLOAT16 ? 2 : 4;
    const ptrdiff_t n = (ptrdiff_t)side, c = (ptrdiff_t)channels;
    pico_tensor tensor = {data, element, n * n * size, n * size, size};
    if (channels_last) {
        tensor.channel = size;
        tensor.row = n * c * size;
        tensor.column = c * size;
    }
    return tensor;
}

enum { ALIGN = 16 };

size_t taken_size(size_t size) {
    return (size + 2 * ALIGN - 1) / ALIGN * ALIGN; /* the start may have to move by up to ALIGN - 1 */
}

uint8_t *take(span *scratch, size_t size) {
    const size_t before = (ALIGN - (size_t)((uintptr_t)scratch->data % ALIGN)) % ALIGN;
    uint8_t *taken = scratch->data + before;
    scratch->data = taken + size;
    scratch->size -= before + size;
    return taken;
}
