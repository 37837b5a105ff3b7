package org.picodeploy.kit

import java.security.MessageDigest

/** Symbols of one tile as a runtime has them: floats that hold integers, channels first or last. */
class TileSymbols(val z: FloatArray, val y: FloatArray, val channelsLast: Boolean)

/**
 * One hash over all tiles in order, z and then y as int8 in (channel, row, column) order: what every decoder must
 * reproduce. Throws [VerificationException] for a value that is no symbol; nothing is repaired.
 */
class SymbolDigest(private val model: EntropyModel) {
    private val digest = MessageDigest.getInstance("SHA-256")

    fun add(tile: TileSymbols) {
        digest.update(plane("z", tile.z, model.z, tile.channelsLast))
        digest.update(plane("y", tile.y, model.y, tile.channelsLast))
    }

    fun hexadecimal(): String = digest.digest().hexadecimal()

    private fun plane(name: String, values: FloatArray, shape: PlaneShape, channelsLast: Boolean): ByteArray {
        if (values.size != shape.size) {
            throw VerificationException("$name has ${values.size} elements, expected ${shape.size}")
        }
        val positions = shape.side * shape.side
        return ByteArray(shape.size) { element ->
            val at = if (channelsLast) element % positions * shape.channels + element / positions else element
            val symbol = values[at].toInt()
            if (symbol.toFloat() != values[at] || symbol !in -128..127) {
                throw VerificationException("$name[$at] is ${values[at]}, which is no symbol")
            }
            symbol.toByte()
        }
    }
}
