package org.picodeploy.kit

import java.nio.ByteBuffer

/**
 * The core, one call each. Bytes and everything that outlives a call lie in direct buffers that this side owns, so the
 * other side allocates nothing; the symbols and pixels of a tile are arrays, because that is what runtimes take.
 *
 * Every length is checked on the other side too, and what the core refuses is thrown as [CoreException].
 */
internal object Native {
    init {
        System.loadLibrary("picodeploy")
    }

    @JvmStatic external fun cpuFlags(): Int

    @JvmStatic external fun kernels(flags: Int): String

    @JvmStatic external fun bitstreamVersion(): String

    @JvmStatic external fun compiler(): String

    /** The CPU's main identification register, 0 where there is none. */
    @JvmStatic external fun armMidr(): Long

    @JvmStatic external fun crc32c(seed: Int, data: ByteBuffer): Int

    @JvmStatic external fun sha256(data: ByteBuffer): ByteArray

    @JvmStatic external fun modelMemory(entropyBin: ByteBuffer): Long

    @JvmStatic external fun modelInit(entropyBin: ByteBuffer, cpuFlags: Int, memory: ByteBuffer)

    /** Payload, border, tile, channels and side of y, channels and side of z, levels. */
    @JvmStatic external fun modelInfo(model: ByteBuffer): IntArray

    @JvmStatic external fun fingerprint(model: ByteBuffer): ByteArray

    @JvmStatic external fun scaleMemory(model: ByteBuffer): Long

    @JvmStatic
    external fun scaleIndices(model: ByteBuffer, level: Int, z: ByteArray, index: ByteArray, scratch: ByteBuffer)

    /** Columns, rows, tiles, and the default layout: lanes, tiles a stream. */
    @JvmStatic external fun gridInfo(model: ByteBuffer, width: Int, height: Int): IntArray

    /** Rows and columns of a tile's y that are not void, then of its z. */
    @JvmStatic external fun extents(model: ByteBuffer, width: Int, height: Int, tile: Int): IntArray

    @JvmStatic external fun imageMemory(file: ByteBuffer): Long

    @JvmStatic external fun imageInit(file: ByteBuffer, memory: ByteBuffer)

    /** Width, height, tiles, lanes, tiles a stream, streams, chunks. */
    @JvmStatic external fun imageInfo(file: ByteBuffer, image: ByteBuffer): IntArray

    @JvmStatic external fun pixelFingerprint(file: ByteBuffer, image: ByteBuffer): ByteArray

    @JvmStatic external fun checkModel(model: ByteBuffer, file: ByteBuffer, image: ByteBuffer)

    @JvmStatic external fun tileLevel(file: ByteBuffer, image: ByteBuffer, tile: Int): Int

    /** Type in the upper half, four ASCII letters; size in the lower one. */
    @JvmStatic external fun chunkEntry(file: ByteBuffer, image: ByteBuffer, chunk: Int): Long

    @JvmStatic external fun chunkBytes(file: ByteBuffer, image: ByteBuffer, chunk: Int): ByteArray

    @JvmStatic external fun decodeMemory(model: ByteBuffer, tiles: Int): Long

    /** `z`, `y`: a `ByteArray` or `FloatArray` for each tile of the stream. */
    @JvmStatic
    external fun decodeStream(
        model: ByteBuffer,
        file: ByteBuffer,
        image: ByteBuffer,
        stream: Int,
        channelsLast: Boolean,
        z: Array<out Any>,
        y: Array<out Any>,
        scratch: ByteBuffer,
    )

    /** Scratch of [encodeStream], and the capacity its output must have. */
    @JvmStatic
    external fun encodeMemory(model: ByteBuffer, width: Int, height: Int, lanes: Int, tilesPerStream: Int): LongArray

    /** The size of the stream in `out`. */
    @JvmStatic
    external fun encodeStream(
        model: ByteBuffer,
        width: Int,
        height: Int,
        lanes: Int,
        tilesPerStream: Int,
        levels: ByteArray,
        stream: Int,
        skip: Int,
        channelsLast: Boolean,
        z: Array<out Any>,
        y: Array<out Any>,
        scratch: ByteBuffer,
        out: ByteBuffer,
    ): Int

    @JvmStatic
    external fun fileMemory(
        model: ByteBuffer,
        width: Int,
        height: Int,
        lanes: Int,
        tilesPerStream: Int,
        chunks: Int,
    ): Long

    /** The size of the file; writes it too if there is an `out`. The blocks hold their pieces one after another. */
    @JvmStatic
    external fun fileWrite(
        model: ByteBuffer,
        width: Int,
        height: Int,
        lanes: Int,
        tilesPerStream: Int,
        levels: ByteArray,
        pixelFingerprint: ByteArray,
        chunkTypes: ByteArray,
        chunkSizes: IntArray,
        chunkBlock: ByteBuffer,
        streamSizes: IntArray,
        streamBlock: ByteBuffer,
        scratch: ByteBuffer,
        out: ByteBuffer?,
    ): Long

    @JvmStatic
    external fun tileFromPixels(
        model: ByteBuffer,
        width: Int,
        height: Int,
        tile: Int,
        pixels: ByteBuffer,
        channelsLast: Boolean,
        values: FloatArray,
    )

    /** How many values were not a number. */
    @JvmStatic
    external fun tileToPixels(
        model: ByteBuffer,
        width: Int,
        height: Int,
        tile: Int,
        values: FloatArray,
        channelsLast: Boolean,
        pixels: ByteBuffer,
    ): Long
}

internal fun direct(size: Long): ByteBuffer {
    if (size > Int.MAX_VALUE) throw UsageException("$size bytes are more than a buffer holds")
    return ByteBuffer.allocateDirect(size.toInt())
}

internal fun ByteArray.asDirect(): ByteBuffer = ByteBuffer.allocateDirect(size).also { it.put(this).rewind() }

internal fun ByteArray.hexadecimal(): String = joinToString("") { "%02x".format(it) }

internal fun sha256(data: ByteBuffer): String = Native.sha256(data).hexadecimal()
