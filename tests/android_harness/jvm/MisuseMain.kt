package org.picodeploy.test

import java.io.File
import java.nio.ByteBuffer
import org.picodeploy.kit.Core
import org.picodeploy.kit.CoreException
import org.picodeploy.kit.EntropyModel
import org.picodeploy.kit.StreamReader
import org.picodeploy.kit.StreamWriter

/**
 * `MisuseMain MODEL FILE ROUNDS`: everything that a caller can get wrong, one line each, "what: code". Then a
 * checksum and a hash of known bytes, and the same mistakes again and again, after which everything must still work.
 */
fun main(arguments: Array<String>) {
    val entropyBin = File(arguments[0]).readBytes()
    val file = File(arguments[1]).readBytes()
    val model = EntropyModel(entropyBin)
    val misuses = misuses(model, entropyBin, file)
    for ((what, misuse) in misuses) println("$what: ${codeOf(misuse)}")
    println("crc32c: ${Integer.toHexString(Core.crc32c("123456789".toByteArray()))}")
    println("sha256: ${Core.sha256Hex("abc".toByteArray())}")
    repeat(arguments[2].toInt()) { misuses.values.forEach(::codeOf) }
    println("afterwards: ${codeOf { planes(model, 1).let { (z, y) -> StreamReader(file).decode(0, model, z, y) } }}")
}

private fun codeOf(misuse: () -> Unit): String = try {
    misuse()
    "accepted"
} catch (refused: CoreException) {
    "${refused.status} ${refused.code}"
}

private fun planes(model: EntropyModel, tiles: Int) =
    Array(tiles) { ByteArray(model.z.size) } to Array(tiles) { ByteArray(model.y.size) }

private fun misuses(model: EntropyModel, entropyBin: ByteArray, file: ByteArray): Map<String, () -> Unit> {
    val reader = StreamReader(file)
    val (z, y) = planes(model, 1)
    val grid = model.grid(reader.width, reader.height)
    val writer = StreamWriter(model, grid, ByteArray(1))
    fun decode(z: Array<out Any>, y: Array<out Any>, stream: Int = 0) = reader.decode(stream, model, z, y)
    val fraction = Array(1) { FloatArray(model.y.size) { 0.5f } }
    return linkedMapOf(
        "empty model" to { EntropyModel(ByteArray(0)) },
        "half a model" to { EntropyModel(entropyBin.copyOf(entropyBin.size / 2)) },
        "empty file" to { StreamReader(ByteArray(0)) },
        "half a file" to { StreamReader(file.copyOf(file.size - 1)).decode(0, model, z, y) },
        "image without pixels" to { model.grid(0, 1) },
        "negative width" to { model.grid(-1, 1) },
        "no tile of the image" to { reader.level(1) },
        "negative tile" to { reader.level(-1) },
        "tile outside the grid" to { grid.yMask(1) },
        "no such stream" to { decode(z, y, 1) },
        "no such chunk" to { reader.chunkBytes(0) },
        "too few tiles" to { decode(emptyArray(), y) },
        "too many tiles" to { decode(z, arrayOf(y[0], y[0])) },
        "z too short" to { decode(arrayOf(ByteArray(model.z.size - 1)), y) },
        "y too long" to { decode(z, arrayOf(ByteArray(model.y.size + 1))) },
        "y of another type" to { decode(z, arrayOf(IntArray(model.y.size))) },
        "scratch too small" to { reader.decode(0, model, z, y, scratch = ByteBuffer.allocateDirect(64)) },
        "scratch on the heap" to { reader.decode(0, model, z, y, scratch = ByteBuffer.allocate(1 shl 20)) },
        "no scratch" to { reader.decode(0, model, z, y, scratch = ByteBuffer.allocateDirect(0)) },
        "index of another length" to { model.scaleIndices(ByteArray(1), 0) },
        "no such level" to { model.scaleIndices(z[0], model.levels) },
        "levels of another image" to { StreamWriter(model, grid, ByteArray(2)).encode(0, z, y) },
        "a fraction" to { writer.encode(0, arrayOf(FloatArray(model.z.size)), fraction) },
        "a symbol out of range" to { writer.encode(0, arrayOf(ByteArray(model.z.size) { 127 }), y) },
        "a fingerprint of another length" to {
            writer.encode(0, z, y)
            writer.finish(ByteArray(7))
        },
        "a critical chunk" to { writer.finish(ByteArray(8), listOf("ABCD" to ByteArray(1))) },
        "a chunk type of three letters" to { writer.finish(ByteArray(8), listOf("abc" to ByteArray(1))) },
    )
}
