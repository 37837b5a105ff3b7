package org.picodeploy.test

import java.io.File
import java.util.concurrent.Executors
import kotlin.system.exitProcess
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.runBlocking
import org.picodeploy.kit.Artefact
import org.picodeploy.kit.Attempt
import org.picodeploy.kit.Benchmark
import org.picodeploy.kit.Bundle
import org.picodeploy.kit.Conditions
import org.picodeploy.kit.Device
import org.picodeploy.kit.Job
import org.picodeploy.kit.Machine
import org.picodeploy.kit.PartReport
import org.picodeploy.kit.Photo
import org.picodeploy.kit.PicoException
import org.picodeploy.kit.Placement
import org.picodeploy.kit.Role
import org.picodeploy.kit.TilePart
import org.picodeploy.kit.UnavailableException
import org.picodeploy.kit.VectorSet
import org.picodeploy.kit.ordered

/**
 * `BenchMain BUNDLE NAME=VALUE…`: the harness's own measurement, with parts that stand in for a runtime. Prints the result,
 * or "CODE: message" and exit code 1. `takes=gpu,cpu` are the units that the stand-in takes, `mixes=true` lets it share
 * the work with the CPU as a runtime does that was not told otherwise, `fault=…` plants a fault, `vectors=FOLDER` judges,
 * `photo=FILE` is bare RGB of 300×220, `parts=COMMAND` takes a real network behind a pipe instead of the stand-in.
 */
fun main(arguments: Array<String>) {
    val settings = arguments.drop(1).associate { it.substringBefore("=") to it.substringAfter("=") }
    fun list(name: String, otherwise: String) = (settings[name] ?: otherwise).split(",").filter { it.isNotEmpty() }
    val executor = Executors.newSingleThreadExecutor()
    val done = try {
        val bundle = Bundle(File(arguments[0]))
        val job = Job(
            settings["runtime"] ?: "onnx", list("units", "npu,gpu,cpu"), settings["exclusively"] == "true", level = 20, iterations = 2,
            warmUpIterations = 1, width = 300, height = 220,
        )
        val result = runBlocking {
            Benchmark(ThisMachine, executor.asCoroutineDispatcher()).run(
                job, bundle,
                { _, artefact, units ->
                    val placement = Placement.first(units) { unit ->
                        if (unit !in list("takes", "npu,gpu,cpu")) throw UnavailableException("no $unit here")
                        val mixes = settings["mixes"] == "true"
                        unit to Attempt(unit, !mixes, if (mixes) "it may share the work" else "it takes all or nothing")
                    }
                    settings["parts"]?.let { PipePart(artefact, placement, it.split(" ")) }
                        ?: StandIn(artefact, placement, settings["fault"].orEmpty())
                },
                settings["vectors"]?.let { VectorSet(File(it)) },
                settings["photo"]?.let { Photo(File(it), "a photo") },
            )
        }
        println(result.json().toString(1))
        0
    } catch (error: PicoException) {
        println("${error.code}: ${error.message}")
        1
    }
    executor.shutdown()
    exitProcess(done)
}

private object ThisMachine : Machine {
    override val provenance = "host"
    override val target = "jvm"
    override val device = Device(
        "a JVM", System.getProperty("os.arch"), System.getProperty("os.name"), System.getProperty("os.version"),
        cpuCount = Runtime.getRuntime().availableProcessors(),
    )

    override fun conditions() = Conditions(thermalState = "nominal", batteryPercent = 80.0, charging = false)
}

/** Analysis samples its masks, synthesis paints grey: enough to see whether what goes in comes out. */
private class StandIn(
    override val artefact: Artefact,
    placement: Placement<String>,
    private val fault: String,
) : TilePart {
    override val report = PartReport(
        "stand-in", "1", "fp32", placement.asked.first(), placement.observed, placement.evidence, placement.notes,
    )

    override fun run(inputs: Map<Role, FloatArray>): Map<Role, FloatArray> {
        val values = artefact.ordered(inputs)
        if (artefact.part == "synthesis") {
            if (fault == "synthesis fails") throw UnavailableException("the stand-in broke down")
            return mapOf(Role.X_HAT to FloatArray(artefact.output(Role.X_HAT).size) { 0.5f })
        }
        val byRole = artefact.inputs.map { it.role }.zip(values).toMap()
        return mapOf(
            Role.Z to plane(Role.Z, byRole.getValue(Role.Z_MASK)),
            Role.Y to plane(Role.Y, byRole.getValue(Role.Y_MASK)),
        )
    }

    private fun plane(role: Role, mask: FloatArray): FloatArray {
        val one = if (fault == "fractions" && role == Role.Y) 0.25f else 1f
        val size = artefact.output(role).size - if (fault == "short" && role == Role.Y) 1 else 0
        return FloatArray(size) { if (mask[it % mask.size] == 1f && it % 7 == 0) one else 0f }
    }

    override fun close() = Unit
}
