package org.picodeploy.kit

/**
 * Who runs a part, and what is known about where. [observed] is null unless [evidence] says how it is known: what was asked
 * for is no evidence of what happened.
 */
data class PartReport(
    val runtime: String,
    val version: String?,
    val precision: String,
    val requested: String,
    val observed: String? = null,
    val evidence: String? = null,
    val notes: List<String> = emptyList(),
) {
    init {
        require((observed == null) == (evidence == null)) { "an observation needs evidence, and evidence an observation" }
    }
}

/**
 * A float part of the codec, ready to run. Called by one thread at a time; outputs lie in the arrays that [run] returns, so
 * its time includes the way back from the accelerator.
 */
interface TilePart : AutoCloseable {
    val artefact: Artefact
    val report: PartReport

    fun run(inputs: Map<Role, FloatArray>): Map<Role, FloatArray>
}

/** Inputs in the order and sizes of an artefact; throws [UsageException] for one that is missing or of another size. */
fun Artefact.ordered(inputs: Map<Role, FloatArray>): List<FloatArray> = this.inputs.map { tensor ->
    val values = inputs[tensor.role] ?: throw UsageException("$path: input ${tensor.name} is missing")
    if (values.size != tensor.size) {
        throw UsageException("$path: input ${tensor.name} has ${values.size} elements, expected ${tensor.size}")
    }
    values
}
