package org.picodeploy.test

import java.io.DataInputStream
import java.io.OutputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.picodeploy.kit.Artefact
import org.picodeploy.kit.PartReport
import org.picodeploy.kit.Placement
import org.picodeploy.kit.Role
import org.picodeploy.kit.Tensor
import org.picodeploy.kit.TilePart
import org.picodeploy.kit.ordered

/** A real network in another process (`part_server.py`): floats go out and come back through pipes. */
class PipePart(
    override val artefact: Artefact,
    placement: Placement<String>,
    command: List<String>,
) : TilePart {
    private val process = ProcessBuilder(command + artefact.part + artefact.inputs[0].layout)
        .redirectError(ProcessBuilder.Redirect.INHERIT).start()
    private val sink: OutputStream = process.outputStream
    private val source = DataInputStream(process.inputStream.buffered())
    override val report = PartReport(
        "piped", null, artefact.precision, placement.asked.first(), placement.observed, placement.evidence,
        placement.notes,
    )

    override fun run(inputs: Map<Role, FloatArray>): Map<Role, FloatArray> {
        for (values in artefact.ordered(inputs)) {
            val bytes = ByteBuffer.allocate(FLOAT_BYTES * values.size).order(ByteOrder.LITTLE_ENDIAN)
            bytes.asFloatBuffer().put(values)
            sink.write(bytes.array())
        }
        sink.flush()
        return artefact.outputs.associate { it.role to received(it) }
    }

    private fun received(tensor: Tensor): FloatArray {
        val bytes = ByteArray(FLOAT_BYTES * tensor.size)
        source.readFully(bytes)
        val values = FloatArray(tensor.size)
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values)
        return values
    }

    override fun close() {
        sink.close()
        process.waitFor()
    }

    private companion object {
        const val FLOAT_BYTES = 4
    }
}
