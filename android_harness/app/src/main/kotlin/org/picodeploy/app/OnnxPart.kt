package org.picodeploy.app

import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtException
import ai.onnxruntime.OrtSession
import ai.onnxruntime.providers.NNAPIFlags
import android.os.Build
import java.nio.FloatBuffer
import java.util.EnumSet
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

/**
 * ONNX Runtime. Its own execution provider for the CPU takes what another leaves over, unless that is forbidden; forbidden,
 * a session that exists is evidence. NNAPI runs on an NPU, a GPU or a DSP and does not say on which.
 */
class OnnxLoader : PartLoader {
    override fun load(bundle: Bundle, artefact: Artefact, units: List<String>): TilePart {
        artefact.requireFloat32()
        val environment = OrtEnvironment.getEnvironment()
        val placement = Placement.first(units) { unit ->
            val options = OrtSession.SessionOptions()
            try {
                val attempt = configure(options, unit)
                environment.createSession(bundle.file(artefact).path, options).let { OnnxSession(it, options) } to attempt
            } catch (error: OrtException) {
                options.close()
                throw UnavailableException(error.message ?: "ONNX Runtime gave no reason")
            } catch (error: UnavailableException) {
                options.close()
                throw error
            }
        }
        return OnnxPart(environment, artefact, placement)
    }

    private fun configure(options: OrtSession.SessionOptions, unit: String): Attempt = when (unit) {
        "nnapi", "npu" -> {
            if (Build.VERSION.SDK_INT < Build.VERSION_CODES.Q) {
                throw UnavailableException("before Android 10, NNAPI cannot be told to leave the CPU alone")
            }
            options.addNnapi(EnumSet.of(NNAPIFlags.CPU_DISABLED))
            options.addConfigEntry("session.disable_cpu_ep_fallback", "1")
            // Which of the phone's processors NNAPI took is not to be had from here, so an NPU is not observed.
            Attempt(
                unit, unit == "nnapi",
                "ONNX Runtime assigned every node to NNAPI with its CPU device and the CPU provider forbidden; NNAPI does " +
                    "not say which processor that is",
            )
        }
        "cpu" -> Attempt("cpu", true, "only ONNX Runtime's provider for the CPU was registered")
        "gpu" -> throw UnavailableException("ONNX Runtime's package for Android has no provider for the GPU")
        else -> throw UsageException("ONNX Runtime knows no unit $unit; write nnapi,cpu")
    }

    companion object {
        const val RUNTIME = "onnx"
    }
}

/** A session, and the options that must outlive it. */
private class OnnxSession(val session: OrtSession, private val options: OrtSession.SessionOptions) : AutoCloseable {
    override fun close() {
        session.close()
        options.close()
    }
}

private class OnnxPart(
    private val environment: OrtEnvironment,
    override val artefact: Artefact,
    placement: Placement<OnnxSession>,
) : TilePart {
    private val owned = placement.loaded
    override val report = PartReport(
        OnnxLoader.RUNTIME, environment.version, artefact.precision, placement.asked.first(), placement.observed,
        placement.evidence, placement.notes,
    )

    override fun run(inputs: Map<Role, FloatArray>): Map<Role, FloatArray> {
        val tensors = LinkedHashMap<String, OnnxTensor>()
        try {
            for ((tensor, values) in artefact.inputs zip artefact.ordered(inputs)) {
                val shape = LongArray(tensor.shape.size) { tensor.shape[it].toLong() }
                tensors[tensor.name] = OnnxTensor.createTensor(environment, FloatBuffer.wrap(values), shape)
            }
            owned.session.run(tensors).use { result ->
                return artefact.outputs.associate { tensor ->
                    val output = result.get(tensor.name).orElse(null) as? OnnxTensor
                        ?: throw VerificationException("${artefact.path}: gave no tensor ${tensor.name}")
                    val values = FloatArray(tensor.size)
                    val buffer = output.floatBuffer
                    if (buffer.remaining() != values.size) {
                        throw VerificationException("${tensor.name} has ${buffer.remaining()} elements, not ${values.size}")
                    }
                    buffer.get(values)
                    tensor.role to values
                }
            }
        } catch (error: OrtException) {
            throw UnavailableException("${artefact.path}: ONNX Runtime failed: ${error.message}")
        } finally {
            tensors.values.forEach { it.close() }
        }
    }

    override fun close() = owned.close()
}
