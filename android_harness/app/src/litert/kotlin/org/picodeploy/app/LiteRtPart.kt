package org.picodeploy.app

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.BuiltinNpuAcceleratorProvider
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import org.picodeploy.kit.Artefact
import org.picodeploy.kit.Attempt
import org.picodeploy.kit.Bundle
import org.picodeploy.kit.PartLoader
import org.picodeploy.kit.PartReport
import org.picodeploy.kit.Placement
import org.picodeploy.kit.Role
import org.picodeploy.kit.TilePart
import org.picodeploy.kit.UnavailableException
import org.picodeploy.kit.UsageException
import org.picodeploy.kit.VerificationException
import org.picodeploy.kit.ordered

/** The runtime that this flavour of the app is for. */
internal const val FLAVOUR_RUNTIME = "tflite"

internal fun flavourRuntimes(context: Context): Map<String, PartLoader> =
    mapOf(FLAVOUR_RUNTIME to LiteRtLoader(context))

/**
 * LiteRT's CompiledModel. It refuses a model of which it cannot place every operation on the accelerators that it was given,
 * so a model that compiled for one of them alone is evidence. "npu+cpu" and "gpu+cpu" let it share the work; then nothing
 * tells from Kotlin who did what, and nothing is observed.
 */
class LiteRtLoader(private val context: Context) : PartLoader {
    // One for all models, as LiteRT wants it; it lives as long as the process.
    private val environment: Environment by lazy {
        try {
            Environment.create(context, BuiltinNpuAcceleratorProvider(context))
        } catch (error: LiteRtException) {
            throw UnavailableException("LiteRT does not start: ${error.message}")
        }
    }

    override fun load(bundle: Bundle, artefact: Artefact, units: List<String>): TilePart {
        artefact.requireFloat32()
        val available = environment.getAvailableAccelerators()
        val placement = Placement.first(units) { unit ->
            val (accelerators, attempt) = accelerators(unit)
            val missing = accelerators - available - setOf(Accelerator.CPU, Accelerator.NONE)
            if (missing.isNotEmpty()) {
                throw UnavailableException("LiteRT finds no ${missing.joinToString("+") { it.name }} here")
            }
            compiled(bundle.file(artefact).path, accelerators) to attempt
        }
        try {
            return LiteRtPart(artefact, placement)
        } catch (error: LiteRtException) {
            placement.loaded.close()
            throw UnavailableException("${artefact.path}: LiteRT has no buffers for it: ${error.message}")
        }
    }

    private fun compiled(path: String, accelerators: Set<Accelerator>): CompiledModel = try {
        CompiledModel.create(path, CompiledModel.Options(accelerators), environment)
    } catch (error: LiteRtException) {
        throw UnavailableException(error.message ?: "LiteRT gave no reason")
    }

    private fun accelerators(unit: String): Pair<Set<Accelerator>, Attempt> {
        val alone = "LiteRT compiled every operation for $unit, having been given nothing else"
        val shared = "LiteRT was given the CPU too and does not say what each took"
        return when (unit) {
            // LiteRT adds the CPU to an NPU that stands alone; beside NONE, which it skips, it does not.
            "npu" -> setOf(Accelerator.NPU, Accelerator.NONE) to Attempt(unit, true, alone)
            "gpu" -> setOf(Accelerator.GPU) to Attempt(unit, true, alone)
            "cpu" -> setOf(Accelerator.CPU) to Attempt(unit, true, alone)
            "npu+cpu" -> setOf(Accelerator.NPU, Accelerator.CPU) to Attempt(unit, false, shared)
            "gpu+cpu" -> setOf(Accelerator.GPU, Accelerator.CPU) to Attempt(unit, false, shared)
            else -> throw UsageException("LiteRT knows no unit $unit; write npu,gpu,cpu")
        }
    }
}

private class LiteRtPart(override val artefact: Artefact, placement: Placement<CompiledModel>) : TilePart {
    private val model = placement.loaded
    private val inputs: Map<String, TensorBuffer> = artefact.inputs.associate { it.name to model.createInputBuffer(it.name) }
    private val outputs: Map<String, TensorBuffer> =
        artefact.outputs.associate { it.name to model.createOutputBuffer(it.name) }

    // Where outputs lie says more of what ran than the request does; it is a hint and no evidence.
    private val memory: String = artefact.outputs.joinToString(", ") { tensor ->
        "${tensor.name} in ${model.getOutputBufferRequirements(tensor.name).supportedTypes.joinToString("|") { it.name }}"
    }
    override val report = PartReport(
        "tflite", VERSION, artefact.precision, placement.asked.first(), placement.observed, placement.evidence,
        placement.notes + "outputs: $memory",
    )

    override fun run(inputs: Map<Role, FloatArray>): Map<Role, FloatArray> {
        try {
            for ((tensor, values) in artefact.inputs zip artefact.ordered(inputs)) {
                this.inputs.getValue(tensor.name).writeFloat(values)
            }
            model.run(this.inputs, outputs)
            return artefact.outputs.associate { tensor ->
                val values = outputs.getValue(tensor.name).readFloat()
                if (values.size != tensor.size) {
                    throw VerificationException("${tensor.name} has ${values.size} elements, not ${tensor.size}")
                }
                tensor.role to values
            }
        } catch (error: LiteRtException) {
            throw UnavailableException("${artefact.path}: LiteRT failed: ${error.message}")
        }
    }

    override fun close() {
        inputs.values.forEach { it.close() }
        outputs.values.forEach { it.close() }
        model.close()
    }

    private companion object {
        /** As in gradle/libs.versions.toml: LiteRT does not tell its own from Kotlin. */
        const val VERSION = "2.3.0"
    }
}
