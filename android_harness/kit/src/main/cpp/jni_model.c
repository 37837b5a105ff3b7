/* The entropy model, the machine, checksums. */
#include "jni_support.h"
#include "pico_cpu.h"

#include <string.h>

/* In front of the model in its buffer, so that a buffer that holds something else is refused. */
typedef struct model_header {
    uint64_t magic;
    const pico_model *model;
} model_header;

static const uint64_t MODEL_MAGIC = 0x6c65646f6d6f6369;

int model_in(JNIEnv *env, jobject buffer, subject *found) {
    span memory;
    model_header header;
    if (!room_in(env, buffer, taken_size(sizeof header), "model", &memory)) return 0;
    memcpy(&header, take(&memory, sizeof header), sizeof header);
    if (header.magic != MODEL_MAGIC) {
        throw_text(env, "model", "is not what this buffer holds");
        return 0;
    }
    found->model = header.model;
    pico_status status = pico_model_get_info(header.model, &found->info);
    if (status != PICO_OK) throw_status(env, status, NULL, "model");
    return status == PICO_OK;
}

int grid_in(JNIEnv *env, jobject buffer, jint width, jint height, subject *found) {
    pico_fault fault;
    if (!model_in(env, buffer, found)) return 0;
    if (width < 0 || height < 0) {
        throw_argument(env, width < 0 ? "width" : "height", width < 0 ? width : height, 1);
        return 0;
    }
    pico_status status =
        pico_grid_init(found->model, (uint32_t)width, (uint32_t)height, &found->grid, &fault);
    if (status == PICO_OK) return 1;
    throw_status(env, status, &fault, "tile grid");
    return 0;
}

static jlong JNICALL model_memory(JNIEnv *env, jclass class, jobject data) {
    span bytes;
    size_t size = 0;
    pico_fault fault;
    (void)class;
    if (!span_of(env, data, "entropy.bin", &bytes)) return -1;
    pico_status status = pico_model_memory(bytes.data, bytes.size, &size, &fault);
    if (status == PICO_OK) return (jlong)(taken_size(sizeof(model_header)) + size);
    throw_status(env, status, &fault, "entropy.bin");
    return -1;
}

static void JNICALL model_init(JNIEnv *env, jclass class, jobject data, jint cpu_flags, jobject memory) {
    span bytes, room;
    pico_fault fault;
    model_header header = {MODEL_MAGIC, NULL};
    (void)class;
    if (!span_of(env, data, "entropy.bin", &bytes) ||
        !room_in(env, memory, taken_size(sizeof header), "memory", &room))
        return;
    uint8_t *front = take(&room, sizeof header);
    pico_status status = pico_model_init(bytes.data, bytes.size, (uint32_t)cpu_flags, room.data, room.size,
                                         &header.model, &fault);
    if (status != PICO_OK) {
        throw_status(env, status, &fault, "entropy.bin");
        return;
    }
    memcpy(front, &header, sizeof header);
}

/* In the order of Kotlin's ModelInfo. */
static jintArray JNICALL model_info(JNIEnv *env, jclass class, jobject model) {
    subject s;
    (void)class;
    if (!model_in(env, model, &s)) return NULL;
    const jint values[] = {(jint)s.info.payload,    (jint)s.info.border, (jint)s.info.tile,
                           (jint)s.info.y_channels, (jint)s.info.y_side, (jint)s.info.z_channels,
                           (jint)s.info.z_side,     (jint)s.info.levels};
    const jsize count = sizeof values / sizeof *values;
    jintArray result = (*env)->NewIntArray(env, count);
    if (result != NULL) (*env)->SetIntArrayRegion(env, result, 0, count, values);
    return result;
}

static jbyteArray bytes_as_array(JNIEnv *env, const uint8_t *data, jsize size) {
    jbyteArray result = (*env)->NewByteArray(env, size);
    if (result != NULL) (*env)->SetByteArrayRegion(env, result, 0, size, (const jbyte *)data);
    return result;
}

static jbyteArray JNICALL fingerprint(JNIEnv *env, jclass class, jobject model) {
    subject s;
    (void)class;
    if (!model_in(env, model, &s)) return NULL;
    return bytes_as_array(env, s.info.fingerprint, PICO_FINGERPRINT_SIZE);
}

static jlong JNICALL scale_memory(JNIEnv *env, jclass class, jobject model) {
    subject s;
    size_t size = 0;
    (void)class;
    if (!model_in(env, model, &s)) return -1;
    pico_status status = pico_scale_memory(s.model, &size);
    if (status == PICO_OK) return (jlong)size;
    throw_status(env, status, NULL, "scale indices");
    return -1;
}

static void JNICALL scale_indices(JNIEnv *env, jclass class, jobject model, jint level, jbyteArray z,
                                  jbyteArray index, jobject scratch) {
    subject s;
    span work;
    pico_fault fault;
    (void)class;
    if (!model_in(env, model, &s) || !is_below(env, level, s.info.levels, "level") ||
        !has_length(env, z, (jsize)(s.info.z_channels * s.info.z_side * s.info.z_side), "z") ||
        !has_length(env, index, (jsize)(s.info.y_channels * s.info.y_side * s.info.y_side), "index") ||
        !span_of(env, scratch, "scratch", &work))
        return;
    void *symbols = (*env)->GetPrimitiveArrayCritical(env, z, NULL);
    if (symbols == NULL) return;
    void *indices = (*env)->GetPrimitiveArrayCritical(env, index, NULL);
    if (indices == NULL) {
        (*env)->ReleasePrimitiveArrayCritical(env, z, symbols, JNI_ABORT);
        return;
    }
    const pico_tensor tensor = tensor_at(symbols, PICO_INT8, s.info.z_channels, s.info.z_side, 0);
    pico_status status =
        pico_scale_indices(s.model, (uint32_t)level, &tensor, indices, work.data, work.size, &fault);
    (*env)->ReleasePrimitiveArrayCritical(env, index, indices, 0);
    (*env)->ReleasePrimitiveArrayCritical(env, z, symbols, JNI_ABORT);
    if (status != PICO_OK) throw_status(env, status, &fault, "scale indices");
}

/* ---- The machine ---- */

static jint JNICALL cpu_flags(JNIEnv *env, jclass class) {
    (void)env, (void)class;
    return (jint)pico_cpu_detect();
}

static jstring JNICALL kernels(JNIEnv *env, jclass class, jint flags) {
    (void)class;
    return (*env)->NewStringUTF(env, pico_kernels_name((uint32_t)flags));
}

static jstring JNICALL bitstream_version(JNIEnv *env, jclass class) {
    const char text[] = {'0' + PICO_VERSION_MAJOR, '.', '0' + PICO_VERSION_MINOR, 0};
    (void)class;
    return (*env)->NewStringUTF(env, text);
}

static jstring JNICALL compiler(JNIEnv *env, jclass class) {
    (void)class;
    return (*env)->NewStringUTF(env, __VERSION__);
}

/* MIDR_EL1 of the core this runs on, which Linux lets programs read; 0 where there is none. */
static jlong JNICALL arm_midr(JNIEnv *env, jclass class) {
    (void)env, (void)class;
#if defined(__aarch64__) && defined(__linux__)
    if ((getauxval(AT_HWCAP) >> 11 & 1) != 0) { /* HWCAP_CPUID */
        uint64_t id = 0;
        __asm__("mrs %0, MIDR_EL1" : "=r"(id));
        return (jlong)id;
    }
#endif
    return 0;
}

/* ---- Checksums ---- */

static jint JNICALL crc32c(JNIEnv *env, jclass class, jint seed, jobject data) {
    span bytes;
    (void)class;
    if (!span_of(env, data, "data", &bytes)) return 0;
    return (jint)pico_crc32c((uint32_t)seed, bytes.data, bytes.size);
}

static jbyteArray JNICALL sha256(JNIEnv *env, jclass class, jobject data) {
    span bytes;
    uint8_t digest[32];
    (void)class;
    if (!span_of(env, data, "data", &bytes)) return NULL;
    pico_sha256(bytes.data, bytes.size, digest);
    return bytes_as_array(env, digest, sizeof digest);
}

int model_load(JNIEnv *env) {
#define BUFFER "Ljava/nio/ByteBuffer;"
    static const JNINativeMethod methods[] = {
        {"modelMemory", "(" BUFFER ")J", (void *)model_memory},
        {"modelInit", "(" BUFFER "I" BUFFER ")V", (void *)model_init},
        {"modelInfo", "(" BUFFER ")[I", (void *)model_info},
        {"fingerprint", "(" BUFFER ")[B", (void *)fingerprint},
        {"scaleMemory", "(" BUFFER ")J", (void *)scale_memory},
        {"scaleIndices", "(" BUFFER "I[B[B" BUFFER ")V", (void *)scale_indices},
        {"cpuFlags", "()I", (void *)cpu_flags},
        {"kernels", "(I)Ljava/lang/String;", (void *)kernels},
        {"bitstreamVersion", "()Ljava/lang/String;", (void *)bitstream_version},
        {"compiler", "()Ljava/lang/String;", (void *)compiler},
        {"armMidr", "()J", (void *)arm_midr},
        {"crc32c", "(I" BUFFER ")I", (void *)crc32c},
        {"sha256", "(" BUFFER ")[B", (void *)sha256},
    };
    return tie(env, "org/picodeploy/kit/Native", methods, sizeof methods / sizeof *methods);
}
