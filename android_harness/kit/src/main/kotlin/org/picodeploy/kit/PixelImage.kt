package org.picodeploy.kit

import java.io.File
import java.io.RandomAccessFile
import java.nio.ByteBuffer

/** An 8-bit RGB image, three bytes a pixel, row by row. Its tiles may be written from several threads: they do not overlap. */
class PixelImage(val width: Int, val height: Int) {
    internal val pixels: ByteBuffer = direct(3L * width * height)

    /** SHA-256 of the samples, row by row. */
    val sha256Hex: String get() = sha256(pixels)

    operator fun get(index: Int): Int = pixels.get(index).toInt() and 0xFF

    operator fun set(index: Int, value: Int) {
        pixels.put(index, value.coerceIn(0, 255).toByte())
    }

    /** A tile, border included, as `x` of analysis. */
    fun tile(tile: Int, model: EntropyModel, channelsLast: Boolean): FloatArray {
        val values = FloatArray(3 * model.tile * model.tile)
        Native.tileFromPixels(model.memory, width, height, tile, pixels, channelsLast, values)
        return values
    }

    /** Writes a tile's payload from `x_hat` of synthesis; returns how many values were not a number. */
    fun put(tile: Int, values: FloatArray, model: EntropyModel, channelsLast: Boolean): Long =
        Native.tileToPixels(model.memory, width, height, tile, values, channelsLast, pixels)

    companion object {
        /** Bare RGB, three bytes a pixel; throws [UsageException] for a file of another size. */
        fun read(file: File, width: Int, height: Int): PixelImage {
            val image = PixelImage(width, height)
            if (file.length() != image.pixels.capacity().toLong()) {
                throw UsageException("${file.name} has ${file.length()} bytes, which are no RGB of $width×$height")
            }
            RandomAccessFile(file, "r").use { opened ->
                while (image.pixels.hasRemaining()) {
                    if (opened.channel.read(image.pixels) < 0) throw UsageException("${file.name} ends too early")
                }
            }
            image.pixels.rewind()
            return image
        }

        /** A picture without a file: gradients, edges and noise, the same on every device. */
        fun synthetic(width: Int, height: Int): PixelImage {
            val image = PixelImage(width, height)
            var noise = 0x9E3779B9u
            for (row in 0 until height) {
                for (column in 0 until width) {
                    noise = noise * 1664525u + 1013904223u
                    val at = 3 * (row * width + column)
                    val base = (if ((row / 64 + column / 64) % 2 == 0) 24 else 0) + (noise shr 29).toInt()
                    image[at] = 200 * column / width + base
                    image[at + 1] = 200 * row / height + base
                    image[at + 2] = 100 + 100 * (row + column) / (width + height) + (noise shr 29).toInt()
                }
            }
            return image
        }
    }
}
