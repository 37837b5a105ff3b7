package org.picodeploy.kit

import java.io.File
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.withContext

/** What to measure. [units] in the order in which they are tried; [exclusively] fails unless the first one does the work. */
data class Job(
    val runtime: String,
    val units: List<String>,
    val exclusively: Boolean = false,
    val precision: String? = null,
    val level: Int = 40,
    val iterations: Int = 20,
    val warmUpIterations: Int = 2,
    val width: Int = 4032,
    val height: Int = 3024,
) {
    init {
        if (iterations < 1 || warmUpIterations < 1) {
            throw UsageException("at least one warm-up and one timed iteration are needed")
        }
        if (width < 1 || height < 1) throw UsageException("an image of $width×$height has no pixels")
    }
}

/** The machine that is measured on; a phone's is in the app. */
interface Machine {
    /** "claimed" on a phone, "host" elsewhere. */
    val provenance: String
    val target: String
    val device: Device

    fun conditions(): Conditions
}

/** The picture to code: bare RGB of the job's size in [file], and what results call it. */
data class Photo(val file: File, val name: String)

/** Makes a part ready to run on a unit. Throws [UnavailableException] where that unit does not take it. */
fun interface PartLoader {
    fun load(bundle: Bundle, artefact: Artefact, units: List<String>): TilePart
}

/** Encodes and decodes one image again and again, every pass timed and checked. Nothing is dropped. */
class Benchmark(private val machine: Machine, private val accelerator: CoroutineDispatcher) {
    /**
     * Throws [VerificationException] when a decode does not give back what analysis emitted, or, if the job asks for that,
     * when another unit than the requested one does the work.
     */
    suspend fun run(
        job: Job,
        bundle: Bundle,
        loader: PartLoader,
        vectors: VectorSet? = null,
        photo: Photo? = null,
    ): MeasurementResult {
        val image = photo?.let { PixelImage.read(it.file, job.width, job.height) }
            ?: PixelImage.synthetic(job.width, job.height)
        val memoryBefore = residentBytes("VmRSS")
        val (cold, coldNs) = timedLoad(job, bundle, loader)
        withContext(accelerator) { cold.forEach { it.close() } }
        val (parts, warmNs) = timedLoad(job, bundle, loader)
        try {
            val observation = Observation.of(job.units.first(), parts.map { it.artefact.part to it.report })
            if (job.exclusively) observation.require()
            val load = Load(coldNs, "first load in this process; a runtime may have kept compiled models", listOf(warmNs))
            val memoryAfter = residentBytes("VmRSS")
            val pipeline = TilePipeline(bundle, parts[0], parts[1], accelerator)
            val run = measured(job, pipeline, image, load, observation)
            val peak = residentBytes("VmHWM")
            return MeasurementResult(
                provenance = machine.provenance,
                tool = Tool(TOOL, VERSION, Core.version, Core.kernels(), Core.compiler),
                device = machine.device,
                bundle = bundle,
                workload = Workload(
                    photo?.name ?: "synthetic ${job.width}×${job.height}", if (photo == null) "synthetic" else "file",
                    job.width, job.height,
                    pipeline.model.grid(job.width, job.height).tiles, job.level, image.sha256Hex,
                ),
                target = machine.target,
                run = run.copy(
                    memory = peak?.let { Memory(memoryBefore, memoryAfter, it, "VmRSS and VmHWM of /proc/self/status") },
                    conformance = vectors?.let(::judged),
                ),
                notes = listOf("the app says what it runs on; whether that is so was not judged")
                    .filter { machine.provenance == "claimed" },
            )
        } finally {
            withContext(accelerator) { parts.forEach { it.close() } }
        }
    }

    /** Both parts, made on the accelerator's own thread. */
    private suspend fun timedLoad(job: Job, bundle: Bundle, loader: PartLoader): Pair<List<TilePart>, Long> =
        withContext(accelerator) {
            val start = System.nanoTime()
            val analysis = loader.load(bundle, bundle.artefact("analysis", job.runtime, job.precision), job.units)
            val synthesis = try {
                loader.load(bundle, bundle.artefact("synthesis", job.runtime, job.precision), job.units)
            } catch (error: Exception) {
                analysis.close()
                throw error
            }
            listOf(analysis, synthesis) to System.nanoTime() - start
        }

    private suspend fun measured(
        job: Job,
        pipeline: TilePipeline,
        image: PixelImage,
        load: Load,
        observation: Observation,
    ): Run {
        val before = machine.conditions()
        val emitted = SymbolDigest(pipeline.model)
        val file = pipeline.encode(image, job.level, observer = emitted::add)
        repeat(job.warmUpIterations - 1) { pipeline.encode(image, job.level) }
        var changed = 0
        val encode = operation(job.iterations) { recorder ->
            if (!pipeline.encode(image, job.level, recorder).contentEquals(file)) changed++
        }
        val decodedSymbols = SymbolDigest(pipeline.model)
        val decoded = pipeline.decode(file, observer = decodedSymbols::add)
        repeat(job.warmUpIterations - 1) { pipeline.decode(file) }
        val decode = operation(job.iterations) { recorder -> pipeline.decode(file, recorder) }
        val (sent, received) = emitted.hexadecimal() to decodedSymbols.hexadecimal()
        if (sent != received) {
            throw VerificationException("the decoder's symbols ($received) are not those that analysis emitted ($sent)")
        }
        val report = pipeline.synthesis.report
        return Run(
            runtime = report.runtime,
            runtimeVersion = report.version,
            observation = observation,
            precision = report.precision,
            load = load,
            encode = encode,
            decode = decode,
            streamBytes = file.size,
            memory = null,
            conditionsBefore = before,
            conditionsAfter = machine.conditions(),
            hashes = Hashes(sent, received, Core.sha256Hex(file), decoded.image.sha256Hex),
            warmUpIterations = job.warmUpIterations,
            conformance = null,
            notes = listOfNotNull(
                "read_back is inside analysis and synthesis, which end when outputs are in arrays",
                "$changed of ${job.iterations} encodes gave another stream than the first".takeIf { changed > 0 },
                "${decoded.notNumbers} decoded samples were not a number and became 0".takeIf { decoded.notNumbers > 0 },
            ),
        )
    }

    private suspend fun operation(iterations: Int, pass: suspend (PhaseRecorder) -> Unit): Operation {
        val recorders = List(iterations) { PhaseRecorder() }
        val latencies = recorders.map { recorder ->
            val start = System.nanoTime()
            pass(recorder)
            System.nanoTime() - start
        }
        return Operation(latencies, recorders)
    }

    private fun judged(vectors: VectorSet): Conformance {
        val failed = vectors.names.map { vectors.judge(it) }.filterNot { it.exact }
        val failures = failed.map { "${it.name}: expected \"${it.expected}\", found \"${it.found}\"" }
        return Conformance(vectors.sha256, vectors.names.size, failures)
    }

    private fun residentBytes(field: String): Long? = try {
        File("/proc/self/status").useLines { lines ->
            lines.firstOrNull { it.startsWith("$field:") }?.filter(Char::isDigit)?.toLong()?.times(1024)
        }
    } catch (unreadable: java.io.IOException) {
        null
    }

    companion object {
        const val TOOL = "PicoHarness for Android"

        /** Version of this harness; that of the project. */
        const val VERSION = "0.1.0"
    }
}
