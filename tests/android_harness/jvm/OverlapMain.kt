package org.picodeploy.test

import java.io.File
import java.util.concurrent.Executors
import kotlin.system.exitProcess
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.runBlocking
import org.picodeploy.kit.Artefact
import org.picodeploy.kit.Bundle
import org.picodeploy.kit.PartReport
import org.picodeploy.kit.Phase
import org.picodeploy.kit.PhaseRecorder
import org.picodeploy.kit.PixelImage
import org.picodeploy.kit.Role
import org.picodeploy.kit.TilePart
import org.picodeploy.kit.TilePipeline

/**
 * `OverlapMain BUNDLE apart|together`: while the accelerator is held in a tile, does the core work on others, and how far
 * does it run ahead? Prints "STEP: N", N pieces done in the meantime, 25 tiles in 4 streams. "together" gives both the
 * same thread.
 */
fun main(arguments: Array<String>) {
    val bundle = Bundle(File(arguments[0]))
    val executor = Executors.newSingleThreadExecutor()
    val accelerator = executor.asCoroutineDispatcher()
    val core = if (arguments[1] == "together") accelerator else Dispatchers.Default
    val encoding = PhaseRecorder()
    val decoding = PhaseRecorder()
    val analysis = HeldPart(bundle.artefact("analysis", "onnx")) { tile ->
        if (tile == 1) held("cut", encoding, Phase.PIXELS_IN, 3)
        if (tile == 17) held("coded", encoding, Phase.ENTROPY, 1)
    }
    val synthesis = HeldPart(bundle.artefact("synthesis", "onnx")) { tile ->
        if (tile == 0) held("decoded", decoding, Phase.ENTROPY, 2)
        if (tile == 1) held("written", decoding, Phase.PIXELS_OUT, 1)
    }
    val pipeline = TilePipeline(bundle, analysis, synthesis, accelerator, core)
    runBlocking {
        val file = pipeline.encode(PixelImage.synthetic(500, 500), 20, encoding)
        pipeline.decode(file, decoding)
    }
    exitProcess(0)
}

/** Waits until the core has done `least` pieces of a step, then lets it go on as far as it may. */
private fun held(step: String, recorder: PhaseRecorder, phase: Phase, least: Int) {
    val end = System.nanoTime() + PATIENCE_NS
    while (recorder.samples(phase).size < least && System.nanoTime() < end) Thread.sleep(5)
    Thread.sleep(200)
    println("$step: ${recorder.samples(phase).size}")
}

private const val PATIENCE_NS = 5_000_000_000

private class HeldPart(override val artefact: Artefact, private val hold: (Int) -> Unit) : TilePart {
    private var tile = 0
    override val report = PartReport("held", null, "fp32", "cpu")

    override fun run(inputs: Map<Role, FloatArray>): Map<Role, FloatArray> {
        hold(tile++)
        return artefact.outputs.associate { it.role to FloatArray(it.size) }
    }

    override fun close() = Unit
}
