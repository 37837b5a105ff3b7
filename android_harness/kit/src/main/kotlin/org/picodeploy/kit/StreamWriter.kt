package org.picodeploy.kit

import java.nio.ByteBuffer

/** Codes the symbols of one image; streams may be coded in any order, each by one thread at a time. */
class StreamWriter(
    private val model: EntropyModel,
    val grid: TileGrid,
    private val levels: ByteArray,
    val layout: Layout = grid.defaultLayout,
) {
    val streams: Int = layout.streams(grid.tiles)
    private val coded = arrayOfNulls<ByteArray>(streams)
    private val scratchSize: Long
    private val capacity: Long

    init {
        val sizes = Native.encodeMemory(model.memory, grid.width, grid.height, layout.lanes, layout.tilesPerStream)
        scratchSize = sizes[0]
        capacity = sizes[1]
    }

    fun tilesOf(stream: Int): IntRange = layout.tilesOf(stream, grid.tiles)

    /** What [encode] works in: scratch, and room for one coded stream. */
    inner class Workspace {
        internal val scratch: ByteBuffer = direct(scratchSize)
        internal val out: ByteBuffer = direct(capacity)
    }

    /** Codes a stream's tiles. The symbols are never altered; what is no symbol is refused. */
    fun encode(
        stream: Int,
        z: Array<out Any>,
        y: Array<out Any>,
        channelsLast: Boolean = false,
        skip: Int = SKIP_AUTO,
        workspace: Workspace = Workspace(),
    ) {
        val size = Native.encodeStream(
            model.memory, grid.width, grid.height, layout.lanes, layout.tilesPerStream, levels, stream, skip,
            channelsLast, z, y, workspace.scratch, workspace.out,
        )
        val bytes = ByteArray(size)
        workspace.out.rewind()
        workspace.out.get(bytes)
        synchronized(coded) { coded[stream] = bytes }
    }

    /** The whole file, when every stream is coded. `pixelFingerprint`: 8 bytes; `chunks`: type and payload. */
    fun finish(pixelFingerprint: ByteArray, chunks: List<Pair<String, ByteArray>> = emptyList()): ByteArray {
        val parts = synchronized(coded) { coded.map { it ?: throw UsageException("not every stream is coded") } }
        val types = chunks.flatMap { (type, _) -> type.toByteArray(Charsets.ISO_8859_1).toList() }.toByteArray()
        val scratch = direct(
            Native.fileMemory(
                model.memory, grid.width, grid.height, layout.lanes, layout.tilesPerStream, chunks.size,
            ),
        )
        val payloads = chunks.map { it.second }
        fun write(out: ByteBuffer?): Long = Native.fileWrite(
            model.memory, grid.width, grid.height, layout.lanes, layout.tilesPerStream, levels, pixelFingerprint,
            types, payloads.sizes(), payloads.block(), parts.sizes(), parts.block(), scratch, out,
        )
        val out = direct(write(null))
        write(out)
        return ByteArray(out.capacity()).also { out.get(it) }
    }

    companion object {
        /** The core chooses the skip threshold of every tile. */
        const val SKIP_AUTO = -1
    }
}

private fun List<ByteArray>.sizes(): IntArray = IntArray(size) { this[it].size }

private fun List<ByteArray>.block(): ByteBuffer =
    direct(sumOf { it.size.toLong() }).also { block -> forEach { block.put(it) } }
