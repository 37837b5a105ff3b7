package org.picodeploy.kit

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/** Called with every tile's symbols, in order: those that analysis emitted, or those that enter synthesis. */
typealias SymbolObserver = (TileSymbols) -> Unit

/**
 * Encodes and decodes images tile by tile: the core works on one tile or stream while the accelerator works on another.
 *
 * Three steps run side by side with a bounded queue between each two, so that memory does not grow with the image: what
 * comes before the accelerator, the accelerator on a thread of its own ([accelerator], on which the parts must also have
 * been made if their runtime wants that), and what comes after it. The first failure ends all three.
 */
class TilePipeline(
    val bundle: Bundle,
    val analysis: TilePart,
    val synthesis: TilePart,
    private val accelerator: CoroutineDispatcher,
    private val core: CoroutineDispatcher = Dispatchers.Default,
) {
    val model = EntropyModel(bundle.entropyBin)

    init {
        if (model.fingerprint != bundle.entropyFingerprint) {
            throw BundleException("entropy.bin is ${model.fingerprint}, the manifest states ${bundle.entropyFingerprint}")
        }
    }

    /** Pixels → `.pico`. */
    suspend fun encode(
        image: PixelImage,
        level: Int,
        recorder: PhaseRecorder = PhaseRecorder(),
        observer: SymbolObserver? = null,
    ): ByteArray = coroutineScope {
        val anchors = bundle.anchors(level)
        val grid = model.grid(image.width, image.height)
        val writer = StreamWriter(model, grid, ByteArray(grid.tiles) { level.toByte() })
        val channelsLast = analysis.artefact.output(Role.Y).channelsLast

        val inputs = Channel<Map<Role, FloatArray>>(AHEAD)
        launch(core) {
            for (tile in 0 until grid.tiles) {
                inputs.send(recorder.timed(Phase.PIXELS_IN) { analysisInputs(image, grid, tile, anchors) })
            }
        }
        val streams = Channel<List<TileSymbols>>(AHEAD)
        val coding = launch(core) {
            val workspace = writer.Workspace()
            for (stream in 0 until writer.streams) {
                val tiles = streams.receive()
                val z = Array(tiles.size) { tiles[it].z }
                val y = Array(tiles.size) { tiles[it].y }
                recorder.timed(Phase.ENTROPY) {
                    writer.encode(stream, z, y, channelsLast, workspace = workspace)
                }
            }
        }
        withContext(accelerator) {
            for (stream in 0 until writer.streams) {
                streams.send(
                    writer.tilesOf(stream).map {
                        val values = inputs.receive()
                        val outputs = recorder.timed(Phase.ANALYSIS) { analysis.run(values) }
                        TileSymbols(outputs.of(Role.Z), outputs.of(Role.Y), channelsLast).also { observer?.invoke(it) }
                    },
                )
            }
        }
        coding.join()
        writer.finish(fingerprintBytes(bundle.pixelFingerprint))
    }

    /** An image and how many of its samples were not a number, and are 0. */
    class Decoded(val image: PixelImage, val notNumbers: Long)

    /** `.pico` → pixels. */
    suspend fun decode(
        file: ByteArray,
        recorder: PhaseRecorder = PhaseRecorder(),
        observer: SymbolObserver? = null,
    ): Decoded = coroutineScope {
        val reader = recorder.timed(Phase.PARSE) { opened(file) }
        val image = PixelImage(reader.width, reader.height)
        val channelsLast = synthesis.artefact.input(Role.Y).channelsLast
        val pixelsChannelsLast = synthesis.artefact.output(Role.X_HAT).channelsLast

        val streams = Channel<List<TileSymbols>>(AHEAD)
        launch(core) {
            val scratch = reader.scratch(model)
            for (stream in 0 until reader.streams) {
                val tiles = reader.tilesOf(stream).map {
                    TileSymbols(FloatArray(model.z.size), FloatArray(model.y.size), channelsLast)
                }
                val z = Array(tiles.size) { tiles[it].z }
                val y = Array(tiles.size) { tiles[it].y }
                recorder.timed(Phase.ENTROPY) { reader.decode(stream, model, z, y, channelsLast, scratch) }
                streams.send(tiles)
            }
        }
        val outputs = Channel<FloatArray>(AHEAD)
        var notNumbers = 0L
        val writing = launch(core) {
            for (tile in 0 until reader.tiles) {
                val values = outputs.receive()
                notNumbers += recorder.timed(Phase.PIXELS_OUT) { image.put(tile, values, model, pixelsChannelsLast) }
            }
        }
        withContext(accelerator) {
            for (stream in 0 until reader.streams) {
                for ((tile, symbols) in reader.tilesOf(stream) zip streams.receive()) {
                    observer?.invoke(symbols)
                    val inputs = mapOf(
                        Role.Z to symbols.z, Role.Y to symbols.y, Role.ANCHORS to bundle.anchors(reader.level(tile)),
                    )
                    outputs.send(recorder.timed(Phase.SYNTHESIS) { synthesis.run(inputs) }.of(Role.X_HAT))
                }
            }
        }
        writing.join()
        Decoded(image, notNumbers)
    }

    private fun opened(file: ByteArray): StreamReader {
        val reader = StreamReader(file)
        reader.check(model)
        if (reader.pixelFingerprint != bundle.pixelFingerprint) {
            throw BundleException(
                "the stream was made for synthesis weights ${reader.pixelFingerprint}, the bundle holds " +
                    "${bundle.pixelFingerprint}; use the bundle it was made with",
            )
        }
        return reader
    }

    private fun analysisInputs(image: PixelImage, grid: TileGrid, tile: Int, anchors: FloatArray) = mapOf(
        Role.X to image.tile(tile, model, analysis.artefact.input(Role.X).channelsLast),
        Role.ANCHORS to anchors,
        Role.Y_MASK to grid.yMask(tile),
        Role.Z_MASK to grid.zMask(tile),
    )

    private companion object {
        /** How many finished pieces may wait for the next step. */
        const val AHEAD = 1

        fun Map<Role, FloatArray>.of(role: Role): FloatArray =
            this[role] ?: throw VerificationException("a part gave no ${role.label}")

        fun fingerprintBytes(digits: String): ByteArray {
            val bytes = digits.chunked(2).map { it.toIntOrNull(16) }
            if (digits.length != 16 || null in bytes) {
                throw BundleException("the pixel fingerprint $digits is not 16 hexadecimal digits")
            }
            return ByteArray(8) { bytes[it]!!.toByte() }
        }
    }
}
