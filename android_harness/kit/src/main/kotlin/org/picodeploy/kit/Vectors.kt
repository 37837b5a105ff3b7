package org.picodeploy.kit

import java.io.File

/**
 * A folder of conformance vectors, checked against its index: a file that is missing, altered or not listed makes the
 * set unusable ([BundleException]), because a verdict on it would be one on something else.
 */
class VectorSet(val folder: File) {
    val names: List<String>

    /** SHA-256 of the index, which names the set. */
    val sha256: String

    init {
        val index = File(folder, INDEX)
        if (!index.isFile) throw BundleException("$folder: has no $INDEX; copy the whole set")
        val bytes = index.readBytes()
        val lines = bytes.toString(Charsets.UTF_8).lines().filter { it.isNotEmpty() }
        if (lines.firstOrNull() != HEAD) throw BundleException("$folder: $INDEX does not begin with \"$HEAD\"")
        val files = lines.filter { it.startsWith("file ") }.map { it.split(" ", limit = 3) }
        for ((_, sha256, path) in files) {
            val file = File(folder, path)
            if (!file.isFile) throw BundleException("$folder: $path is missing; copy the whole set")
            if (Core.sha256Hex(file.readBytes()) != sha256) throw BundleException("$folder: $path was altered")
        }
        val listed = files.map { it[2] }.toSet() + INDEX
        val there = folder.walkTopDown().filter { it.isFile }.map { it.relativeTo(folder).invariantSeparatorsPath }
        there.firstOrNull { it !in listed }?.let { throw BundleException("$folder: $it is not in $INDEX") }
        names = lines.filter { it.startsWith("vector ") }.map { it.removePrefix("vector ") }
        sha256 = Core.sha256Hex(bytes)
    }

    /** What this build makes of a vector, and whether that is what was published. */
    fun judge(name: String, cpuFlags: Int = Core.detectedFlags()): Verdict {
        val expected = File(folder, "$name/expect.txt").readText()
        val model = expected.lines().getOrNull(1)?.removePrefix("model ")
            ?: throw BundleException("$name: expect.txt names no model")
        val found = Judge(
            File(folder, "models/$model.bin").readBytes(), File(folder, "$name/stream.pico").readBytes(), cpuFlags,
        ).describe(model, skipToEncodeWith(expected))
        val difference = (expected.lines() zip found.lines()).firstOrNull { (a, b) -> a != b }
        return Verdict(name, found == expected, difference?.first, difference?.second)
    }

    private fun skipToEncodeWith(expected: String): Int? =
        when (val word = expected.lines().firstOrNull { it.startsWith("encode ") }?.removePrefix("encode ")) {
            null -> null
            "auto" -> StreamWriter.SKIP_AUTO
            else -> word.toInt()
        }

    private companion object {
        const val INDEX = "index.txt"
        const val HEAD = "pico-vectors 1"
    }
}

/** [expected] and [found] are the first line that differs. */
data class Verdict(val name: String, val exact: Boolean, val expected: String?, val found: String?)

/** One vector, described in the words of its expect.txt (docs/conformance.md). */
private class Judge(
    private val entropyBin: ByteArray,
    private val file: ByteArray,
    private val cpuFlags: Int,
) {
    private val lines = StringBuilder()
    private val z = ArrayList<ByteArray>()
    private val y = ArrayList<ByteArray>()

    fun describe(model: String, skip: Int?): String {
        line("pico-vector 1")
        line("model $model")
        val read = statusOf { read() }
        line("status $read")
        if (read == OK && skip != null) line("encode ${encoding(skip)}")
        return lines.toString()
    }

    private fun line(text: String) {
        lines.append(text).append('\n')
    }

    /** The name of the status with which `work` ends. */
    private fun statusOf(work: () -> Unit): String = try {
        work()
        OK
    } catch (refused: CoreException) {
        refused.name
    }

    private fun read() {
        val model = EntropyModel(entropyBin, cpuFlags)
        val reader = StreamReader(file)
        reader.check(model)
        line("size ${reader.width} ${reader.height}")
        line("layout ${reader.layout.lanes} ${reader.layout.tilesPerStream}")
        reader.chunks.forEachIndexed { index, chunk -> line(chunkLine(reader, index, chunk)) }
        var first: CoreException? = null
        for (stream in 0 until reader.streams) {
            try {
                decode(reader, model, stream)
            } catch (refused: CoreException) {
                first = first ?: refused
            }
        }
        first?.let { throw it }
    }

    private fun chunkLine(reader: StreamReader, index: Int, chunk: Chunk): String {
        var hash = ""
        val status = statusOf { hash = " " + Core.sha256Hex(reader.chunkBytes(index)) }
        return "chunk $index ${chunk.type} $status ${chunk.size}$hash"
    }

    private fun decode(reader: StreamReader, model: EntropyModel, stream: Int) {
        val members = reader.tilesOf(stream)
        val zs = Array(members.count()) { ByteArray(model.z.size) }
        val ys = Array(members.count()) { ByteArray(model.y.size) }
        try {
            reader.decode(stream, model, zs, ys)
        } catch (refused: CoreException) {
            line("stream $stream ${refused.name}")
            throw refused
        }
        line("stream $stream ok")
        for ((at, tile) in members.withIndex()) {
            val level = reader.level(tile)
            val indices = model.scaleIndices(zs[at], level)
            val hashes = listOf(zs[at], indices, ys[at]).map(Core::sha256Hex)
            line("tile $tile level $level z ${hashes[0]} indices ${hashes[1]} y ${hashes[2]}")
        }
        z += zs
        y += ys
    }

    /** The same symbols, coded again, must give the same bytes. */
    private fun encoding(skip: Int): String {
        val model = EntropyModel(entropyBin, cpuFlags)
        val reader = StreamReader(file)
        val levels = ByteArray(reader.tiles) { reader.level(it).toByte() }
        val writer = StreamWriter(model, model.grid(reader.width, reader.height), levels, reader.layout)
        for (stream in 0 until writer.streams) {
            val members = writer.tilesOf(stream)
            writer.encode(stream, part(z, members), part(y, members), skip = skip)
        }
        val chunks = reader.chunks.mapIndexed { index, chunk -> chunk.type to reader.chunkBytes(index) }
        val fingerprint = reader.pixelFingerprint.chunked(2) { it.toString().toInt(16).toByte() }.toByteArray()
        val same = writer.finish(fingerprint, chunks).contentEquals(file)
        return if (!same) "differs" else if (skip == StreamWriter.SKIP_AUTO) "auto" else "$skip"
    }

    private fun part(planes: List<ByteArray>, members: IntRange): Array<ByteArray> =
        planes.subList(members.first, members.last + 1).toTypedArray()

    private companion object {
        const val OK = "ok"
    }
}
