/* Tensors of a group's tiles in Java arrays. */
#include "jni_support.h"

size_t pinned_size(uint32_t tiles) {
    return taken_size(2 * tiles * sizeof(jarray)) + taken_size(2 * tiles * sizeof(void *)) +
           taken_size(2 * tiles * sizeof(pico_tensor));
}

/* Is `array` a byte[] or float[] of one tile's symbols? */
static int is_plane(JNIEnv *env, jobject array, uint32_t channels, uint32_t side, const char *what) {
    if (!is_float_array(env, array) && !is_byte_array(env, array)) {
        throw_text(env, what, "is neither byte[] nor float[]");
        return 0;
    }
    return has_length(env, array, (jsize)(channels * side * side), what);
}

static int gather(JNIEnv *env, const subject *s, jobjectArray z, jobjectArray y, pinned *p) {
    if (!has_length(env, z, (jsize)p->tiles, "z") || !has_length(env, y, (jsize)p->tiles, "y")) return 0;
    for (uint32_t t = 0; t < p->tiles; t++) {
        p->arrays[2 * t] = (*env)->GetObjectArrayElement(env, z, (jsize)t);
        p->arrays[2 * t + 1] = (*env)->GetObjectArrayElement(env, y, (jsize)t);
        if (!is_plane(env, p->arrays[2 * t], s->info.z_channels, s->info.z_side, "z of a tile") ||
            !is_plane(env, p->arrays[2 * t + 1], s->info.y_channels, s->info.y_side, "y of a tile"))
            return 0;
    }
    return 1;
}

int pin(JNIEnv *env, const subject *s, jobjectArray z, jobjectArray y, uint32_t tiles, int channels_last,
        span *scratch, pinned *p) {
    p->tiles = tiles;
    p->count = 0;
    if (scratch->size < pinned_size(tiles)) {
        throw_argument(env, "scratch", (int64_t)scratch->size, (int64_t)pinned_size(tiles));
        return 0;
    }
    p->arrays = (jarray *)(void *)take(scratch, 2 * tiles * sizeof *p->arrays);
    p->data = (void **)(void *)take(scratch, 2 * tiles * sizeof *p->data);
    p->z = (pico_tensor *)(void *)take(scratch, 2 * tiles * sizeof *p->z);
    p->y = p->z + tiles;
    /* Two references a tile; the frame is popped by unpin. */
    if ((*env)->PushLocalFrame(env, (jint)(2 * tiles + 16)) != 0) return 0;
    if (!gather(env, s, z, y, p)) {
        (*env)->PopLocalFrame(env, NULL);
        return 0;
    }
    for (uint32_t t = 0; t < tiles; t++) { /* which type each has is asked before the first is pinned */
        p->z[t].element = is_float_array(env, p->arrays[2 * t]) ? PICO_FLOAT32 : PICO_INT8;
        p->y[t].element = is_float_array(env, p->arrays[2 * t + 1]) ? PICO_FLOAT32 : PICO_INT8;
    }
    for (; p->count < 2 * tiles; p->count++) {
        p->data[p->count] = (*env)->GetPrimitiveArrayCritical(env, p->arrays[p->count], NULL);
        if (p->data[p->count] == NULL) {
            unpin(env, p, JNI_ABORT);
            return 0;
        }
    }
    for (uint32_t t = 0; t < tiles; t++) {
        p->z[t] =
            tensor_at(p->data[2 * t], p->z[t].element, s->info.z_channels, s->info.z_side, channels_last);
        p->y[t] =
            tensor_at(p->data[2 * t + 1], p->y[t].element, s->info.y_channels, s->info.y_side, channels_last);
    }
    return 1;
}

void unpin(JNIEnv *env, pinned *p, jint mode) {
    while (p->count > 0) {
        p->count--;
        (*env)->ReleasePrimitiveArrayCritical(env, p->arrays[p->count], p->data[p->count], mode);
    }
    (*env)->PopLocalFrame(env, NULL);
}
