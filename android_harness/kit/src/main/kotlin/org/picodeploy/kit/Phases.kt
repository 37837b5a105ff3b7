package org.picodeploy.kit

/** The steps of an encode or decode; [label] as in the result schema. */
enum class Phase(val label: String, internal val isAccelerators: Boolean = false) {
    PARSE("parse"),
    PIXELS_IN("pixels_in"),
    ANALYSIS("analysis", true),
    ENTROPY("entropy"),
    SYNTHESIS("synthesis", true),
    PIXELS_OUT("pixels_out"),
}

/** Durations of every call in every phase of one encode or decode; any thread may add to it. */
class PhaseRecorder {
    private val calls = Phase.entries.associateWith { ArrayList<Long>() }

    inline fun <T> timed(phase: Phase, work: () -> T): T {
        val start = System.nanoTime()
        val result = work()
        add(phase, System.nanoTime() - start)
        return result
    }

    fun add(phase: Phase, nanoseconds: Long) {
        synchronized(calls) { calls.getValue(phase).add(nanoseconds) }
    }

    fun samples(phase: Phase): List<Long> = synchronized(calls) { calls.getValue(phase).toList() }

    /**
     * Share of the shorter side of the pipeline that ran while the longer one did; negative when waiting costs more than
     * overlap gains, null when one side did nothing.
     */
    fun overlapEfficiency(latencyNs: Long): Double? {
        val (accelerator, cpu) = Phase.entries.partition { it.isAccelerators }
            .let { (a, c) -> a.sumOf { samples(it).sum() } to c.sumOf { samples(it).sum() } }
        val shorter = minOf(accelerator, cpu)
        return if (shorter > 0) (accelerator + cpu - latencyNs).toDouble() / shorter else null
    }
}
