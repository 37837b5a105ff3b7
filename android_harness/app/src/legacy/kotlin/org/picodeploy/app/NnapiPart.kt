@file:Suppress("DEPRECATION") // NNAPI is, since Android 15: this flavour is for older phones

package org.picodeploy.app

import android.content.Context
import android.os.Build
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.picodeploy.kit.Artefact
import org.picodeploy.kit.Attempt
import org.picodeploy.kit.Bundle
import org.picodeploy.kit.PartLoader
import org.picodeploy.kit.PartReport
import org.picodeploy.kit.Placement
import org.picodeploy.kit.Role
import org.picodeploy.kit.Tensor
import org.picodeploy.kit.TilePart
import org.picodeploy.kit.UnavailableException
import org.picodeploy.kit.UsageException
import org.picodeploy.kit.ordered
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.nnapi.NnApiDelegate

/** The runtime that this flavour of the app is for. */
internal const val FLAVOUR_RUNTIME = "tflite"

internal fun flavourRuntimes(context: Context): Map<String, PartLoader> =
    mapOf(FLAVOUR_RUNTIME to NnapiLoader(context))

/**
 * Legacy: the interpreter of LiteRT 1 with the NNAPI delegate, for phones before Android 15. The delegate takes the
 * operations that it can and leaves the rest to the CPU, without saying how many; so nothing but the CPU alone is ever
 * observed here.
 */
class NnapiLoader(private val context: Context) : PartLoader {
    override fun load(bundle: Bundle, artefact: Artefact, units: List<String>): TilePart {
        artefact.requireFloat32()
        val placement = Placement.first(units) { unit ->
            when (unit) {
                "nnapi", "npu" -> delegated(bundle, artefact) to
                    Attempt(unit, false, "NNAPI's delegate leaves to the CPU what it cannot take, and does not say what")
                "cpu" -> interpreted(bundle, artefact) to Attempt("cpu", true, "no delegate was given to the interpreter")
                "gpu" -> throw UnavailableException("this flavour has no delegate for the GPU")
                else -> throw UsageException("the legacy flavour knows no unit $unit; write nnapi,cpu")
            }
        }
        return NnapiPart(artefact, placement)
    }

    private fun delegated(bundle: Bundle, artefact: Artefact): Interpreted {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.P) throw UnavailableException("NNAPI is used from Android 9 on")
        val options = NnApiDelegate.Options()
            .setExecutionPreference(NnApiDelegate.Options.EXECUTION_PREFERENCE_SUSTAINED_SPEED)
            .setAllowFp16(true)
            .setCacheDir(context.cacheDir.path)
            .setModelToken(bundle.manifestSha256.take(TOKEN_DIGITS) + artefact.part)
        // Without this, NNAPI may run everything on its reference implementation for the CPU.
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) options.setUseNnapiCpu(false)
        val delegate = NnApiDelegate(options)
        try {
            val interpreter = Interpreter(bundle.file(artefact), Interpreter.Options().addDelegate(delegate))
            if (delegate.hasErrors()) {
                val code = delegate.nnapiErrno
                interpreter.close()
                throw UnavailableException("NNAPI refused the model with code $code")
            }
            return Interpreted(interpreter, delegate)
        } catch (error: IllegalArgumentException) {
            delegate.close()
            throw UnavailableException(error.message ?: "NNAPI gave no reason")
        } catch (error: UnavailableException) {
            delegate.close()
            throw error
        }
    }

    private fun interpreted(bundle: Bundle, artefact: Artefact) =
        Interpreted(Interpreter(bundle.file(artefact), Interpreter.Options()), null)

    private companion object {
        const val TOKEN_DIGITS = 16
    }
}

private class Interpreted(val interpreter: Interpreter, val delegate: NnApiDelegate?) : AutoCloseable {
    override fun close() {
        interpreter.close()
        delegate?.close()
    }
}

private class NnapiPart(override val artefact: Artefact, placement: Placement<Interpreted>) : TilePart {
    private val owned = placement.loaded
    private val inputs = artefact.inputs.associate { it.name to buffer(it) }
    private val outputs = artefact.outputs.associate { it.name to buffer(it) }
    override val report = PartReport(
        "tflite", "legacy interpreter, NNAPI", artefact.precision, placement.asked.first(), placement.observed,
        placement.evidence, placement.notes,
    )

    override fun run(inputs: Map<Role, FloatArray>): Map<Role, FloatArray> {
        for ((tensor, values) in artefact.inputs zip artefact.ordered(inputs)) {
            val buffer = this.inputs.getValue(tensor.name)
            buffer.rewind()
            buffer.asFloatBuffer().put(values)
        }
        outputs.values.forEach { it.rewind() }
        try {
            owned.interpreter.runSignature(this.inputs, outputs)
        } catch (error: IllegalArgumentException) {
            throw UnavailableException("${artefact.path}: the interpreter failed: ${error.message}")
        }
        val delegate = owned.delegate
        if (delegate != null && delegate.hasErrors()) {
            throw UnavailableException("${artefact.path}: NNAPI failed with code ${delegate.nnapiErrno}")
        }
        return artefact.outputs.associate { tensor ->
            val values = FloatArray(tensor.size)
            val buffer = outputs.getValue(tensor.name)
            buffer.rewind()
            buffer.asFloatBuffer().get(values)
            tensor.role to values
        }
    }

    override fun close() = owned.close()

    private companion object {
        const val FLOAT_BYTES = 4

        fun buffer(tensor: Tensor): ByteBuffer =
            ByteBuffer.allocateDirect(FLOAT_BYTES * tensor.size).order(ByteOrder.nativeOrder())
    }
}
