package org.picodeploy.kit

import org.json.JSONArray
import org.json.JSONObject

// The project's result schema (pico_deploy/measure/result.schema.json) in Kotlin; tests of the repository validate what is
// written here against it. What could not be observed is null and left out, never guessed.

const val RESULT_SCHEMA_NAME = "pico-deploy/result"
const val RESULT_SCHEMA_VERSION = 2

/** Fields in the order given, those that are null left out. */
private fun json(vararg fields: Pair<String, Any?>): JSONObject {
    val json = JSONObject()
    for ((name, value) in fields) if (value != null) json.put(name, value)
    return json
}

private fun array(values: Iterable<Any?>): JSONArray {
    val array = JSONArray()
    for (value in values) array.put(value ?: JSONObject.NULL)
    return array
}

data class Tool(
    val name: String,
    val version: String,
    val coreBitstreamVersion: String,
    val coreKernels: String,
    val compiler: String?,
) {
    fun json() = json(
        "name" to name,
        "version" to version,
        "core_bitstream_version" to coreBitstreamVersion,
        "core_kernels" to coreKernels,
        "compiler" to compiler,
    )
}

/** The machine. Whether it is the device that it says it is, is judged elsewhere: an app can be lied to. */
data class Device(
    val model: String,
    val architecture: String,
    val os: String,
    val osVersion: String,
    val osBuild: String? = null,
    val manufacturer: String? = null,
    val soc: String? = null,
    val cpuCount: Int? = null,
    val memoryBytes: Long? = null,
) {
    fun json() = json(
        "model" to model,
        "manufacturer" to manufacturer,
        "soc" to soc,
        "architecture" to architecture,
        "cpu_count" to cpuCount,
        "memory_bytes" to memoryBytes,
        "os" to os,
        "os_version" to osVersion,
        "os_build" to osBuild,
    )
}

data class Workload(
    val image: String,
    val imageSource: String,
    val width: Int,
    val height: Int,
    val tiles: Int,
    val level: Int,
    val pixelsSha256: String,
) {
    fun json() = json(
        "image" to image,
        "image_source" to imageSource,
        "width" to width,
        "height" to height,
        "tiles" to tiles,
        "level" to level,
        "pixels_sha256" to pixelsSha256,
    )
}

/** Encode or decode: the latency of every iteration, and what its phases took. */
class Operation(val latencyNs: List<Long>, private val recorders: List<PhaseRecorder>) {
    fun json(): JSONObject {
        val phases = JSONObject()
        for (phase in Phase.entries) {
            val samples = recorders.map { it.samples(phase) }
            if (samples.any { it.isNotEmpty() }) {
                phases.put(phase.label, json("samples_ns" to array(samples.map(::array))))
            }
        }
        val overlap = latencyNs.zip(recorders) { latency, recorder -> recorder.overlapEfficiency(latency) }
        return json(
            "latency_ns" to array(latencyNs),
            "phases" to phases,
            "read_back" to "within",
            "overlap_efficiency" to array(overlap),
        )
    }
}

data class Load(val coldNs: Long, val coldMeans: String, val warmNs: List<Long>) {
    fun json() = json("cold_ns" to coldNs, "cold_means" to coldMeans, "warm_ns" to array(warmNs))
}

data class Memory(val beforeLoadBytes: Long?, val afterLoadBytes: Long?, val peakBytes: Long, val method: String) {
    fun json() = json(
        "before_load_bytes" to beforeLoadBytes,
        "after_load_bytes" to afterLoadBytes,
        "peak_bytes" to peakBytes,
        "method" to method,
    )
}

/** State of the machine at one moment; null where the platform does not tell. */
data class Conditions(
    val thermalState: String? = null,
    val temperatureCelsius: Double? = null,
    val batteryPercent: Double? = null,
    val charging: Boolean? = null,
    val lowPower: Boolean? = null,
) {
    fun json() = json(
        "thermal_state" to thermalState,
        "temperature_celsius" to temperatureCelsius,
        "battery_percent" to batteryPercent,
        "charging" to charging,
        "low_power" to lowPower,
    )
}

data class Hashes(
    val emittedSymbolsSha256: String,
    val decodedSymbolsSha256: String,
    val streamSha256: String,
    val decodedPixelsSha256: String,
) {
    fun json() = json(
        "emitted_symbols_sha256" to emittedSymbolsSha256,
        "decoded_symbols_sha256" to decodedSymbolsSha256,
        "stream_sha256" to streamSha256,
        "decoded_pixels_sha256" to decodedPixelsSha256,
    )
}

/** Conformance vectors that were judged beside the measurement. */
data class Conformance(val suiteSha256: String, val vectors: Int, val failures: List<String>) {
    fun json() = json(
        "suite_sha256" to suiteSha256,
        "vectors" to vectors,
        "passed" to vectors - failures.size,
        "failures" to array(failures),
    )
}

data class Run(
    val runtime: String,
    val runtimeVersion: String?,
    val observation: Observation,
    val precision: String,
    val load: Load,
    val encode: Operation,
    val decode: Operation,
    val streamBytes: Int,
    val memory: Memory?,
    val conditionsBefore: Conditions,
    val conditionsAfter: Conditions,
    val hashes: Hashes,
    val warmUpIterations: Int,
    val conformance: Conformance?,
    val notes: List<String>,
) {
    fun json() = json(
        "runtime" to runtime,
        "runtime_version" to runtimeVersion,
        "accelerator_requested" to observation.requested,
        "accelerator_observed" to observation.observed,
        "accelerator_evidence" to observation.evidence,
        "precision" to precision,
        "load" to load.json(),
        "encode" to encode.json(),
        "decode" to decode.json(),
        "stream_bytes" to streamBytes,
        "memory" to memory?.json(),
        "conditions_before" to conditionsBefore.json(),
        "conditions_after" to conditionsAfter.json(),
        "hashes" to hashes.json(),
        "warm_up_iterations" to warmUpIterations,
        "conformance" to conformance?.json(),
        "notes" to array(observation.notes + notes),
    )
}

/** [provenance] is never "device" here: only the driver, which asks the phone itself, may say that. */
data class MeasurementResult(
    val provenance: String,
    val tool: Tool,
    val device: Device,
    val bundle: Bundle,
    val workload: Workload,
    val target: String,
    val run: Run,
    val notes: List<String> = emptyList(),
) {
    fun json() = json(
        "schema_name" to RESULT_SCHEMA_NAME,
        "schema_version" to RESULT_SCHEMA_VERSION,
        "provenance" to provenance,
        "tool" to tool.json(),
        "device" to device.json(),
        "bundle" to json(
            "name" to bundle.name,
            "codec" to bundle.codec,
            "model_version" to bundle.modelVersion,
            "manifest_sha256" to bundle.manifestSha256,
            "entropy_fingerprint" to bundle.entropyFingerprint,
            "pixel_fingerprint" to bundle.pixelFingerprint,
            "bundle_bytes" to bundle.bytes,
        ),
        "workload" to workload.json(),
        "target" to target,
        "runs" to array(listOf(run.json())),
        "notes" to array(notes),
    )
}
