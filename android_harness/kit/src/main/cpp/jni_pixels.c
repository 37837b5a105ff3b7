/* Between an RGB image in a direct ByteBuffer and one tile's float[3 * tile * tile]. */
#include "jni_support.h"

static int image_in(JNIEnv *env, jobject pixels, const subject *s, pico_rows *rows) {
    span bytes;
    const size_t row = (size_t)3 * s->grid.width;
    if (!room_in(env, pixels, row * s->grid.height, "pixels", &bytes)) return 0;
    rows->data = bytes.data;
    rows->first_row = 0;
    rows->rows = s->grid.height;
    rows->stride = (ptrdiff_t)row;
    return 1;
}

static int tile_in(JNIEnv *env, jobject model, jint width, jint height, jint tile, jobject pixels,
                   jfloatArray values, subject *s, pico_rows *rows) {
    return grid_in(env, model, width, height, s) && is_below(env, tile, s->grid.tiles, "tile") &&
           has_length(env, values, (jsize)(3 * s->info.tile * s->info.tile), "values of a tile") &&
           image_in(env, pixels, s, rows);
}

static void JNICALL tile_from_pixels(JNIEnv *env, jclass class, jobject model, jint width, jint height,
                                     jint tile, jobject pixels, jboolean channels_last, jfloatArray values) {
    subject s;
    pico_rows rows;
    pico_fault fault;
    (void)class;
    if (!tile_in(env, model, width, height, tile, pixels, values, &s, &rows)) return;
    void *data = (*env)->GetPrimitiveArrayCritical(env, values, NULL);
    if (data == NULL) return;
    const pico_tensor out = tensor_at(data, PICO_FLOAT32, 3, s.info.tile, channels_last == JNI_TRUE);
    pico_status status = pico_tile_from_pixels(s.model, &s.grid, (uint32_t)tile, &rows, &out, &fault);
    (*env)->ReleasePrimitiveArrayCritical(env, values, data, 0);
    if (status != PICO_OK) throw_status(env, status, &fault, "cutting a tile out");
}

/* How many values were no number. */
static jlong JNICALL tile_to_pixels(JNIEnv *env, jclass class, jobject model, jint width, jint height,
                                    jint tile, jfloatArray values, jboolean channels_last, jobject pixels) {
    subject s;
    pico_rows rows;
    pico_fault fault;
    uint64_t not_numbers = 0;
    (void)class;
    if (!tile_in(env, model, width, height, tile, pixels, values, &s, &rows)) return -1;
    void *data = (*env)->GetPrimitiveArrayCritical(env, values, NULL);
    if (data == NULL) return -1;
    const pico_tensor in = tensor_at(data, PICO_FLOAT32, 3, s.info.tile, channels_last == JNI_TRUE);
    pico_status status =
        pico_tile_to_pixels(s.model, &s.grid, (uint32_t)tile, &in, &rows, &not_numbers, &fault);
    (*env)->ReleasePrimitiveArrayCritical(env, values, data, JNI_ABORT);
    if (status == PICO_OK) return (jlong)not_numbers;
    throw_status(env, status, &fault, "writing a tile");
    return -1;
}

int pixels_load(JNIEnv *env) {
#define BUFFER "Ljava/nio/ByteBuffer;"
    static const JNINativeMethod methods[] = {
        {"tileFromPixels", "(" BUFFER "III" BUFFER "Z[F)V", (void *)tile_from_pixels},
        {"tileToPixels", "(" BUFFER "III[FZ" BUFFER ")J", (void *)tile_to_pixels},
    };
    return tie(env, "org/picodeploy/kit/Native", methods, sizeof methods / sizeof *methods);
}
