/* Writing a .pico file. */
#include "jni_support.h"

static jintArray JNICALL grid_info(JNIEnv *env, jclass class, jobject model, jint width, jint height) {
    subject s;
    (void)class;
    if (!grid_in(env, model, width, height, &s)) return NULL;
    const pico_layout layout = pico_layout_default(s.grid.tiles);
    const jint values[] = {(jint)s.grid.columns, (jint)s.grid.rows, (jint)s.grid.tiles, (jint)layout.lanes,
                           (jint)layout.tiles_per_stream};
    const jsize count = sizeof values / sizeof *values;
    jintArray result = (*env)->NewIntArray(env, count);
    if (result != NULL) (*env)->SetIntArrayRegion(env, result, 0, count, values);
    return result;
}

/* Rows and columns of a tile's y and z that are not void. */
static jintArray JNICALL extents(JNIEnv *env, jclass class, jobject model, jint width, jint height,
                                 jint tile) {
    subject s;
    (void)class;
    if (!grid_in(env, model, width, height, &s) || !is_below(env, tile, s.grid.tiles, "tile")) return NULL;
    const pico_extent y = pico_y_valid(&s.grid, (uint32_t)tile), z = pico_z_valid(&s.grid, (uint32_t)tile);
    const jint values[] = {(jint)y.rows, (jint)y.columns, (jint)z.rows, (jint)z.columns};
    jintArray result = (*env)->NewIntArray(env, 4);
    if (result != NULL) (*env)->SetIntArrayRegion(env, result, 0, 4, values);
    return result;
}

static int encoder_in(JNIEnv *env, jobject model, jint width, jint height, jint lanes, jint tiles_per_stream,
                      subject *s, pico_layout *layout) {
    return grid_in(env, model, width, height, s) && layout_in(env, lanes, tiles_per_stream, layout);
}

/* Scratch of encodeStream, and the capacity its output must have. */
static jlongArray JNICALL encode_memory(JNIEnv *env, jclass class, jobject model, jint width, jint height,
                                        jint lanes, jint tiles_per_stream) {
    subject s;
    pico_layout layout;
    size_t scratch = 0, capacity = 0;
    (void)class;
    if (!encoder_in(env, model, width, height, lanes, tiles_per_stream, &s, &layout)) return NULL;
    pico_status status = pico_encode_memory(s.model, &s.grid, &layout, &scratch, &capacity);
    if (status != PICO_OK) {
        throw_status(env, status, NULL, "encoding");
        return NULL;
    }
    scratch += pinned_size(layout.tiles_per_stream) + taken_size(s.grid.tiles);
    const jlong values[] = {(jlong)scratch, (jlong)capacity};
    jlongArray result = (*env)->NewLongArray(env, 2);
    if (result != NULL) (*env)->SetLongArrayRegion(env, result, 0, 2, values);
    return result;
}

/* A copy of the levels, one byte a tile, in the scratch. */
static const uint8_t *levels_in(JNIEnv *env, jbyteArray levels, const subject *s, span *scratch) {
    if (!has_length(env, levels, (jsize)s->grid.tiles, "levels")) return NULL;
    if (scratch->size < taken_size(s->grid.tiles)) {
        throw_argument(env, "scratch", (int64_t)scratch->size, (int64_t)taken_size(s->grid.tiles));
        return NULL;
    }
    uint8_t *copy = take(scratch, s->grid.tiles);
    (*env)->GetByteArrayRegion(env, levels, 0, (jsize)s->grid.tiles, (jbyte *)copy);
    return copy;
}

static jint JNICALL encode_stream(JNIEnv *env, jclass class, jobject model, jint width, jint height,
                                  jint lanes, jint tiles_per_stream, jbyteArray levels, jint stream,
                                  jint skip, jboolean channels_last, jobjectArray z, jobjectArray y,
                                  jobject scratch, jobject out) {
    subject s;
    pico_layout layout;
    span work, target;
    pinned p;
    pico_fault fault;
    size_t size = 0;
    (void)class;
    if (!encoder_in(env, model, width, height, lanes, tiles_per_stream, &s, &layout) ||
        !is_below(env, stream, pico_stream_count(&s.grid, &layout), "stream") ||
        !span_of(env, scratch, "scratch", &work) || !span_of(env, out, "out", &target))
        return -1;
    const uint8_t *level_of_tile = levels_in(env, levels, &s, &work);
    if (level_of_tile == NULL) return -1;
    const uint32_t each = layout.tiles_per_stream, left = s.grid.tiles - (uint32_t)stream * each;
    if (!pin(env, &s, z, y, left < each ? left : each, channels_last == JNI_TRUE, &work, &p)) return -1;
    pico_status status =
        pico_encode_stream(s.model, &s.grid, &layout, level_of_tile, (uint32_t)stream, skip, p.z, p.y,
                           work.data, work.size, target.data, target.size, &size, &fault);
    unpin(env, &p, JNI_ABORT);
    if (status == PICO_OK) return (jint)size;
    throw_status(env, status, &fault, "coding a stream");
    return -1;
}

/* ---- The file ---- */

/* Spans of a block's consecutive pieces, the sizes of which stand in a Java array. */
static int pieces_in(JNIEnv *env, jintArray sizes, jobject block, uint32_t count, const char *what,
                     pico_span *pieces, size_t stride) {
    span bytes;
    if (!has_length(env, sizes, (jsize)count, what) || !span_of(env, block, what, &bytes)) return 0;
    for (uint32_t i = 0; i < count; i++) {
        jint size = 0;
        (*env)->GetIntArrayRegion(env, sizes, (jsize)i, 1, &size);
        if (size < 0 || (size_t)size > bytes.size) {
            throw_argument(env, what, size, (int64_t)bytes.size);
            return 0;
        }
        pico_span *piece = (pico_span *)(void *)((uint8_t *)pieces + i * stride);
        piece->data = bytes.data;
        piece->size = (size_t)size;
        bytes.data += size;
        bytes.size -= (size_t)size;
    }
    return 1;
}

static size_t file_scratch(const subject *s, uint32_t streams, uint32_t chunks) {
    return taken_size(s->grid.tiles) + taken_size(streams * sizeof(pico_span)) +
           taken_size(chunks * sizeof(pico_chunk_source));
}

static jlong JNICALL file_memory(JNIEnv *env, jclass class, jobject model, jint width, jint height,
                                 jint lanes, jint tiles_per_stream, jint chunks) {
    subject s;
    pico_layout layout;
    (void)class;
    if (!encoder_in(env, model, width, height, lanes, tiles_per_stream, &s, &layout) ||
        !is_below(env, chunks, PICO_MAX_CHUNKS + 1, "chunks"))
        return -1;
    return (jlong)file_scratch(&s, pico_stream_count(&s.grid, &layout), (uint32_t)chunks);
}

/* The size of the file; writes it too unless `out` is null. */
static jlong JNICALL file_write(JNIEnv *env, jclass class, jobject model, jint width, jint height, jint lanes,
                                jint tiles_per_stream, jbyteArray levels, jbyteArray pixel_fingerprint,
                                jbyteArray chunk_types, jintArray chunk_sizes, jobject chunk_block,
                                jintArray stream_sizes, jobject stream_block, jobject scratch, jobject out) {
    subject s;
    span work, target;
    pico_file file;
    pico_fault fault;
    size_t size = 0;
    (void)class;
    if (!encoder_in(env, model, width, height, lanes, tiles_per_stream, &s, &file.layout) ||
        !has_length(env, pixel_fingerprint, PICO_PIXEL_FINGERPRINT_SIZE, "pixel fingerprint"))
        return -1;
    if (chunk_sizes == NULL) {
        throw_text(env, "sizes of chunks", "are null");
        return -1;
    }
    const jsize chunks = (*env)->GetArrayLength(env, chunk_sizes);
    const uint32_t streams = pico_stream_count(&s.grid, &file.layout);
    if (!is_below(env, chunks, PICO_MAX_CHUNKS + 1, "chunks") ||
        !has_length(env, chunk_types, 4 * chunks, "types of chunks") ||
        !room_in(env, scratch, file_scratch(&s, streams, (uint32_t)chunks), "scratch", &work))
        return -1;
    file.levels = levels_in(env, levels, &s, &work);
    if (file.levels == NULL) return -1;
    pico_span *stream_spans = (pico_span *)(void *)take(&work, streams * sizeof *stream_spans);
    pico_chunk_source *sources = (pico_chunk_source *)(void *)take(&work, (size_t)chunks * sizeof *sources);
    if (!pieces_in(env, stream_sizes, stream_block, streams, "sizes of streams", stream_spans,
                   sizeof *stream_spans) ||
        !pieces_in(env, chunk_sizes, chunk_block, (uint32_t)chunks, "sizes of chunks", &sources->payload,
                   sizeof *sources))
        return -1;
    for (jsize i = 0; i < chunks; i++)
        (*env)->GetByteArrayRegion(env, chunk_types, 4 * i, 4, (jbyte *)sources[i].type);
    (*env)->GetByteArrayRegion(env, pixel_fingerprint, 0, PICO_PIXEL_FINGERPRINT_SIZE,
                               (jbyte *)file.pixel_fingerprint);
    for (size_t i = 0; i < PICO_FINGERPRINT_SIZE; i++) file.entropy_fingerprint[i] = s.info.fingerprint[i];
    file.grid = s.grid;
    file.streams = stream_spans;
    file.chunks = sources;
    file.chunk_count = (uint32_t)chunks;
    pico_status status = pico_file_size(&file, &size, &fault);
    if (status == PICO_OK && out != NULL) {
        if (!span_of(env, out, "out", &target)) return -1;
        status = pico_file_write(s.model, &file, target.data, target.size, &size, &fault);
    }
    if (status == PICO_OK) return (jlong)size;
    throw_status(env, status, &fault, "writing the file");
    return -1;
}

int write_load(JNIEnv *env) {
#define BUFFER "Ljava/nio/ByteBuffer;"
#define ARRAYS "[Ljava/lang/Object;"
    static const JNINativeMethod methods[] = {
        {"gridInfo", "(" BUFFER "II)[I", (void *)grid_info},
        {"extents", "(" BUFFER "III)[I", (void *)extents},
        {"encodeMemory", "(" BUFFER "IIII)[J", (void *)encode_memory},
        {"encodeStream", "(" BUFFER "IIII[BIIZ" ARRAYS ARRAYS BUFFER BUFFER ")I", (void *)encode_stream},
        {"fileMemory", "(" BUFFER "IIIII)J", (void *)file_memory},
        {"fileWrite", "(" BUFFER "IIII[B[B[B[I" BUFFER "[I" BUFFER BUFFER BUFFER ")J", (void *)file_write},
    };
    return tie(env, "org/picodeploy/kit/Native", methods, sizeof methods / sizeof *methods);
}
