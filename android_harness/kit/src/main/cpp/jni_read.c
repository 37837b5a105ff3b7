/* Reading a .pico file. */
#include "jni_support.h"

#include <string.h>

/* In front of a buffer that also holds the two directories. */
typedef struct image_header {
    uint64_t magic;
    pico_image image;
} image_header;

static const uint64_t IMAGE_MAGIC = 0x656761696d6f6369;

/* An opened file: copies, because a ByteBuffer's memory has no alignment to rely on. */
typedef struct opened {
    span file;
    pico_image image;
    const uint8_t *chunks, *streams; /* pico_entry each */
} opened;

static size_t image_size(const pico_image *image) {
    return taken_size(sizeof(image_header)) + taken_size(image->chunks * sizeof(pico_entry)) +
           taken_size(image->streams * sizeof(pico_entry));
}

static int image_in(JNIEnv *env, jobject file, jobject buffer, opened *found) {
    span memory;
    image_header header;
    if (!span_of(env, file, "file", &found->file) ||
        !room_in(env, buffer, taken_size(sizeof header), "image", &memory))
        return 0;
    memcpy(&header, take(&memory, sizeof header), sizeof header);
    if (header.magic != IMAGE_MAGIC) {
        throw_text(env, "image", "is not what this buffer holds");
        return 0;
    }
    if (found->file.size < header.image.header_size) {
        throw_text(env, "file", "is not the one that was opened");
        return 0;
    }
    found->image = header.image;
    found->chunks = take(&memory, header.image.chunks * sizeof(pico_entry));
    found->streams = take(&memory, header.image.streams * sizeof(pico_entry));
    return 1;
}

static pico_entry entry_of(const uint8_t *directory, uint32_t index) {
    pico_entry entry;
    memcpy(&entry, directory + index * sizeof entry, sizeof entry);
    return entry;
}

static int parse(JNIEnv *env, jobject file, span *bytes, pico_image *image) {
    pico_fault fault;
    if (!span_of(env, file, "file", bytes)) return 0;
    pico_status status = pico_parse(bytes->data, bytes->size, image, &fault);
    if (status != PICO_OK) throw_status(env, status, &fault, "reading the file");
    return status == PICO_OK;
}

static jlong JNICALL image_memory(JNIEnv *env, jclass class, jobject file) {
    span bytes;
    pico_image image;
    (void)class;
    return parse(env, file, &bytes, &image) ? (jlong)image_size(&image) : -1;
}

static void JNICALL image_init(JNIEnv *env, jclass class, jobject file, jobject memory) {
    span bytes, room;
    image_header header = {IMAGE_MAGIC, {0}};
    (void)class;
    if (!parse(env, file, &bytes, &header.image) ||
        !room_in(env, memory, image_size(&header.image), "image", &room))
        return;
    uint8_t *front = take(&room, sizeof header);
    void *chunks = take(&room, header.image.chunks * sizeof(pico_entry));
    void *streams = take(&room, header.image.streams * sizeof(pico_entry));
    pico_status status = pico_directory(bytes.data, bytes.size, &header.image, chunks, streams);
    if (status != PICO_OK) {
        throw_status(env, status, NULL, "reading the directory");
        return;
    }
    memcpy(front, &header, sizeof header);
}

/* In the order of Kotlin's StreamReader. */
static jintArray JNICALL image_info(JNIEnv *env, jclass class, jobject file, jobject image) {
    opened o;
    (void)class;
    if (!image_in(env, file, image, &o)) return NULL;
    const jint values[] = {(jint)o.image.width,
                           (jint)o.image.height,
                           (jint)o.image.tiles,
                           (jint)o.image.layout.lanes,
                           (jint)o.image.layout.tiles_per_stream,
                           (jint)o.image.streams,
                           (jint)o.image.chunks};
    const jsize count = sizeof values / sizeof *values;
    jintArray result = (*env)->NewIntArray(env, count);
    if (result != NULL) (*env)->SetIntArrayRegion(env, result, 0, count, values);
    return result;
}

static jbyteArray JNICALL pixel_fingerprint(JNIEnv *env, jclass class, jobject file, jobject image) {
    opened o;
    (void)class;
    if (!image_in(env, file, image, &o)) return NULL;
    jbyteArray result = (*env)->NewByteArray(env, PICO_PIXEL_FINGERPRINT_SIZE);
    if (result != NULL)
        (*env)->SetByteArrayRegion(env, result, 0, PICO_PIXEL_FINGERPRINT_SIZE,
                                   (const jbyte *)o.image.pixel_fingerprint);
    return result;
}

static void JNICALL check_model(JNIEnv *env, jclass class, jobject model, jobject file, jobject image) {
    subject s;
    opened o;
    pico_fault fault;
    (void)class;
    if (!model_in(env, model, &s) || !image_in(env, file, image, &o)) return;
    pico_status status = pico_model_check(s.model, o.file.data, &o.image, &fault);
    if (status != PICO_OK) throw_status(env, status, &fault, "matching file and model");
}

static jint JNICALL tile_level(JNIEnv *env, jclass class, jobject file, jobject image, jint tile) {
    opened o;
    (void)class;
    if (!image_in(env, file, image, &o) || !is_below(env, tile, o.image.tiles, "tile")) return -1;
    return pico_tile_level(o.file.data, &o.image, (uint32_t)tile);
}

static int chunk_in(JNIEnv *env, jobject file, jobject image, jint chunk, opened *o, pico_entry *entry) {
    if (!image_in(env, file, image, o) || !is_below(env, chunk, o->image.chunks, "chunk")) return 0;
    *entry = entry_of(o->chunks, (uint32_t)chunk);
    return 1;
}

/* Type (four ASCII letters, most significant first), size; whether it is intact is `chunkBytes`'s matter. */
static jlong JNICALL chunk_entry(JNIEnv *env, jclass class, jobject file, jobject image, jint chunk) {
    opened o;
    pico_entry entry;
    uint64_t type = 0;
    (void)class;
    if (!chunk_in(env, file, image, chunk, &o, &entry)) return -1;
    for (size_t i = 0; i < 4; i++) type = type << 8 | (uint8_t)entry.type[i];
    return (jlong)(type << 32 | entry.size);
}

static jbyteArray JNICALL chunk_bytes(JNIEnv *env, jclass class, jobject file, jobject image, jint chunk) {
    opened o;
    pico_entry entry;
    pico_fault fault;
    (void)class;
    if (!chunk_in(env, file, image, chunk, &o, &entry)) return NULL;
    pico_status status =
        pico_chunk_check(o.file.data, o.file.size, &o.image, (uint32_t)chunk, &entry, &fault);
    if (status != PICO_OK) {
        throw_status(env, status, &fault, "reading a chunk");
        return NULL;
    }
    jbyteArray result = (*env)->NewByteArray(env, (jsize)entry.size);
    if (result != NULL)
        (*env)->SetByteArrayRegion(env, result, 0, (jsize)entry.size,
                                   (const jbyte *)o.file.data + entry.offset);
    return result;
}

static jlong JNICALL decode_memory(JNIEnv *env, jclass class, jobject model, jint tiles) {
    subject s;
    size_t size = 0;
    (void)class;
    if (!model_in(env, model, &s) || !is_below(env, tiles, PICO_MAX_TILES_PER_STREAM + 1, "tiles")) return -1;
    pico_status status = pico_decode_memory(s.model, &size);
    if (status == PICO_OK) return (jlong)(pinned_size((uint32_t)tiles) + size);
    throw_status(env, status, NULL, "decoding");
    return -1;
}

static void JNICALL decode_stream(JNIEnv *env, jclass class, jobject model, jobject file, jobject image,
                                  jint stream, jboolean channels_last, jobjectArray z, jobjectArray y,
                                  jobject scratch) {
    subject s;
    opened o;
    span work;
    pinned p;
    pico_fault fault;
    (void)class;
    if (!model_in(env, model, &s) || !image_in(env, file, image, &o) ||
        !is_below(env, stream, o.image.streams, "stream") || !span_of(env, scratch, "scratch", &work))
        return;
    /* The tensors' shapes are the model's, and the image's grid must be of it. */
    pico_status status = pico_model_check(s.model, o.file.data, &o.image, &fault);
    if (status != PICO_OK) {
        throw_status(env, status, &fault, "matching file and model");
        return;
    }
    const uint32_t each = o.image.layout.tiles_per_stream, left = o.image.tiles - (uint32_t)stream * each;
    if (!pin(env, &s, z, y, left < each ? left : each, channels_last == JNI_TRUE, &work, &p)) return;
    const pico_entry entry = entry_of(o.streams, (uint32_t)stream);
    status = pico_decode_stream(s.model, o.file.data, o.file.size, &o.image, (uint32_t)stream, &entry, p.z,
                                p.y, work.data, work.size, &fault);
    unpin(env, &p, 0);
    if (status != PICO_OK) throw_status(env, status, &fault, "decoding a stream");
}

int read_load(JNIEnv *env) {
#define BUFFER "Ljava/nio/ByteBuffer;"
#define ARRAYS "[Ljava/lang/Object;"
    static const JNINativeMethod methods[] = {
        {"imageMemory", "(" BUFFER ")J", (void *)image_memory},
        {"imageInit", "(" BUFFER BUFFER ")V", (void *)image_init},
        {"imageInfo", "(" BUFFER BUFFER ")[I", (void *)image_info},
        {"pixelFingerprint", "(" BUFFER BUFFER ")[B", (void *)pixel_fingerprint},
        {"checkModel", "(" BUFFER BUFFER BUFFER ")V", (void *)check_model},
        {"tileLevel", "(" BUFFER BUFFER "I)I", (void *)tile_level},
        {"chunkEntry", "(" BUFFER BUFFER "I)J", (void *)chunk_entry},
        {"chunkBytes", "(" BUFFER BUFFER "I)[B", (void *)chunk_bytes},
        {"decodeMemory", "(" BUFFER "I)J", (void *)decode_memory},
        {"decodeStream", "(" BUFFER BUFFER BUFFER "IZ" ARRAYS ARRAYS BUFFER ")V", (void *)decode_stream},
    };
    return tie(env, "org/picodeploy/kit/Native", methods, sizeof methods / sizeof *methods);
}
