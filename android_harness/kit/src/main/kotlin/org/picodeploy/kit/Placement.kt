package org.picodeploy.kit

/**
 * What one attempt to load a part tells about where it runs. [exclusive]: the runtime promises that nothing but the requested
 * unit may run any operation, and would have refused otherwise. [says]: how it promises that.
 */
data class Attempt(val unit: String, val exclusive: Boolean, val says: String)

/**
 * Tries units in order and keeps the first that loads. A unit counts as observed only if the attempt was exclusive; otherwise
 * the result says that it is not known. Never silent: every unit that was refused stands in the notes with its reason.
 */
class Placement<T>(val loaded: T, val attempt: Attempt, val refused: List<Pair<String, String>>, val asked: List<String>) {
    val observed: String? get() = attempt.unit.takeIf { attempt.exclusive }
    val evidence: String? get() = attempt.says.takeIf { attempt.exclusive }

    val notes: List<String>
        get() = refused.map { (unit, reason) -> "$unit was asked for and did not take the model: $reason" } +
            (if (attempt.exclusive) emptyList() else listOf("where it ran is not known: ${attempt.says}"))

    companion object {
        /** [load] throws [UnavailableException] for a unit that does not take the whole model. */
        fun <T> first(units: List<String>, load: (String) -> Pair<T, Attempt>): Placement<T> {
            if (units.isEmpty()) throw UsageException("no accelerator is named; write npu,gpu,cpu")
            val refused = ArrayList<Pair<String, String>>()
            for (unit in units) {
                try {
                    val (loaded, attempt) = load(unit)
                    return Placement(loaded, attempt, refused, units)
                } catch (error: UnavailableException) {
                    refused += unit to (error.message ?: "no reason given")
                }
            }
            throw UnavailableException(
                "no unit takes the model: " + refused.joinToString("; ") { (unit, reason) -> "$unit: $reason" },
            )
        }
    }
}

/**
 * Both parts of a codec: [requested] is the first unit that was asked for, [observed] what both are known to run on. Parts on
 * different units give "npu+cpu"; one that is not known makes the whole unknown.
 */
data class Observation(val requested: String, val observed: String?, val evidence: String?, val notes: List<String>) {
    /** Throws [VerificationException] when the first unit that was asked for is not the one that is known to work. */
    fun require() {
        if (observed != requested) {
            throw VerificationException(
                "$requested was asked for, ${observed ?: "an unknown unit"} does the work: " +
                    notes.ifEmpty { listOf("no reason given") }.joinToString("; "),
            )
        }
    }

    companion object {
        fun of(requested: String, parts: List<Pair<String, PartReport>>): Observation {
            val units = parts.map { (_, report) -> report.observed }
            val observed = if (null in units) null else units.filterNotNull().distinct().joinToString("+")
            val evidence = parts.mapNotNull { (part, report) -> report.evidence?.let { "$part: $it" } }
            val mismatch = if (observed == null || observed == requested) emptyList()
            else listOf("$requested was asked for, $observed did the work")
            return Observation(
                requested, observed, evidence.joinToString("; ").takeIf { observed != null },
                mismatch + parts.flatMap { (part, report) -> report.notes.map { "$part: $it" } },
            )
        }
    }
}
