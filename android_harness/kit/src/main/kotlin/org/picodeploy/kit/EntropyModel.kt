package org.picodeploy.kit

import java.nio.ByteBuffer

/**
 * The integer entropy model of a bundle, made from `entropy.bin`. Immutable: any number of threads may use it at once.
 *
 * Throws [CoreException] for a file in which any field, table or bound is wrong.
 */
class EntropyModel(entropyBin: ByteArray, cpuFlags: Int = Native.cpuFlags()) {
    internal val memory: ByteBuffer
    val payload: Int
    val border: Int

    /** Side of a tile in pixels, borders included. */
    val tile: Int
    val y: PlaneShape
    val z: PlaneShape
    val levels: Int

    /** First 16 bytes of the SHA-256 of `entropy.bin`, in hexadecimal. */
    val fingerprint: String

    init {
        val data = entropyBin.asDirect()
        memory = direct(Native.modelMemory(data))
        Native.modelInit(data, cpuFlags, memory)
        val info = Native.modelInfo(memory)
        payload = info[0]
        border = info[1]
        tile = info[2]
        y = PlaneShape(info[3], info[4])
        z = PlaneShape(info[5], info[6])
        levels = info[7]
        fingerprint = Native.fingerprint(memory).hexadecimal()
    }

    fun grid(width: Int, height: Int) = TileGrid(this, width, height)

    /** The integer network alone: one scale index for each element of y. */
    fun scaleIndices(z: ByteArray, level: Int): ByteArray {
        val index = ByteArray(y.size)
        Native.scaleIndices(memory, level, z, index, direct(Native.scaleMemory(memory)))
        return index
    }
}

/** Channels and side of a tile's square planes. */
data class PlaneShape(val channels: Int, val side: Int) {
    val size: Int get() = channels * side * side
}

/** Tiles of an image, and which parts of them lie inside it. */
class TileGrid(internal val model: EntropyModel, val width: Int, val height: Int) {
    val columns: Int
    val rows: Int
    val tiles: Int
    val defaultLayout: Layout

    init {
        val info = Native.gridInfo(model.memory, width, height)
        columns = info[0]
        rows = info[1]
        tiles = info[2]
        defaultLayout = Layout(info[3], info[4])
    }

    /** 1 where an element's cell touches the image, else 0; row by row. */
    fun yMask(tile: Int): FloatArray = mask(tile, 0, model.y.side)

    fun zMask(tile: Int): FloatArray = mask(tile, 2, model.z.side)

    private fun mask(tile: Int, at: Int, side: Int): FloatArray {
        val extents = Native.extents(model.memory, width, height, tile)
        val (rows, columns) = extents[at] to extents[at + 1]
        return FloatArray(side * side) { if (it / side < rows && it % side < columns) 1f else 0f }
    }
}

/** How tiles are grouped into streams, and streams interleaved. */
data class Layout(val lanes: Int, val tilesPerStream: Int) {
    fun streams(tiles: Int): Int = (tiles + tilesPerStream - 1) / tilesPerStream

    fun tilesOf(stream: Int, tiles: Int): IntRange =
        stream * tilesPerStream until minOf((stream + 1) * tilesPerStream, tiles)
}

/** The build of the core, and what it makes of this machine. */
object Core {
    val version: String get() = Native.bitstreamVersion()
    val compiler: String get() = Native.compiler()
    val armMidr: Long? get() = Native.armMidr().takeIf { it != 0L }

    fun detectedFlags(): Int = Native.cpuFlags()

    fun kernels(cpuFlags: Int = Native.cpuFlags()): String = Native.kernels(cpuFlags)

    fun crc32c(data: ByteArray, seed: Int = 0): Int = Native.crc32c(seed, data.asDirect())

    fun sha256Hex(data: ByteArray): String = sha256(data.asDirect())
}
