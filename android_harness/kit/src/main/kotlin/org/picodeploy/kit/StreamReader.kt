package org.picodeploy.kit

import java.nio.ByteBuffer

/** A chunk of metadata: four letters and how long it is. */
data class Chunk(val type: String, val size: Int)

/** The header and directories of a `.pico` file; several threads may decode from it at once. */
class StreamReader(file: ByteArray) {
    private val file: ByteBuffer = file.asDirect()
    private val image: ByteBuffer = direct(Native.imageMemory(this.file))
    val width: Int
    val height: Int
    val tiles: Int
    val layout: Layout
    val streams: Int
    val chunks: List<Chunk>

    init {
        Native.imageInit(this.file, image)
        val info = Native.imageInfo(this.file, image)
        width = info[0]
        height = info[1]
        tiles = info[2]
        layout = Layout(info[3], info[4])
        streams = info[5]
        chunks = List(info[6]) { index ->
            val entry = Native.chunkEntry(this.file, image, index)
            val letters = ByteArray(4) { (entry ushr (56 - 8 * it)).toByte() }
            Chunk(String(letters, Charsets.ISO_8859_1), (entry and 0xFFFFFFFF).toInt())
        }
    }

    /** Identifies the weights of synthesis that the file was made for, in hexadecimal. */
    val pixelFingerprint: String get() = Native.pixelFingerprint(file, image).hexadecimal()

    fun level(tile: Int): Int = Native.tileLevel(file, image, tile)

    /** The chunk's payload; throws "chunk-damaged" or "truncated". */
    fun chunkBytes(index: Int): ByteArray = Native.chunkBytes(file, image, index)

    /** Throws "wrong-model" unless this model decodes the file. */
    fun check(model: EntropyModel) = Native.checkModel(model.memory, file, image)

    fun tilesOf(stream: Int): IntRange = layout.tilesOf(stream, tiles)

    /** Scratch for [decode]; belongs to one call at a time. */
    fun scratch(model: EntropyModel): ByteBuffer =
        direct(Native.decodeMemory(model.memory, minOf(layout.tilesPerStream, tiles)))

    /**
     * All tiles of a stream into `z` and `y`, a `ByteArray` or `FloatArray` for each; when it throws, what they hold is
     * nothing, and no other stream is touched.
     */
    fun decode(
        stream: Int,
        model: EntropyModel,
        z: Array<out Any>,
        y: Array<out Any>,
        channelsLast: Boolean = false,
        scratch: ByteBuffer = scratch(model),
    ) = Native.decodeStream(model.memory, file, image, stream, channelsLast, z, y, scratch)
}
