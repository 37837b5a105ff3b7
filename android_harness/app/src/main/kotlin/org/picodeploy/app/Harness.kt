package org.picodeploy.app

import android.content.Context
import java.io.File
import java.util.concurrent.Executors
import kotlinx.coroutines.asCoroutineDispatcher
import org.picodeploy.kit.Benchmark
import org.picodeploy.kit.Bundle
import org.picodeploy.kit.MeasurementResult
import org.picodeploy.kit.PartLoader
import org.picodeploy.kit.Photo
import org.picodeploy.kit.Report
import org.picodeploy.kit.Settings
import org.picodeploy.kit.UnavailableException
import org.picodeploy.kit.UsageException
import org.picodeploy.kit.VectorSet

/** One measurement as the activity and the test run it; bundle, vectors and results lie among the app's external files. */
class Harness(private val context: Context) {
    private val files: File = context.getExternalFilesDir(null)
        ?: throw UnavailableException("the app's external files are not there; is the storage mounted?")
    private val runtimes: Map<String, PartLoader> =
        flavourRuntimes(context) + (OnnxLoader.RUNTIME to OnnxLoader())

    /** Measures, and leaves a result or the error, which is thrown too, among the app's files. */
    suspend fun run(values: Map<String, String>): MeasurementResult {
        val folder = File(files, Settings.folder(values))
        val report = Report(folder)
        report.clear()
        try {
            report.writeSeen(System.getProperty("os.arch") ?: "unknown")
            return measured(folder, Settings.of(values, FLAVOUR_RUNTIME)).also(report::write)
        } catch (error: Exception) {
            report.write(error)
            throw error
        } finally {
            report.end(values["token"])
        }
    }

    private suspend fun measured(folder: File, settings: Settings): MeasurementResult {
        val job = settings.job
        val loader = runtimes[job.runtime] ?: throw UsageException(
            "this app has no runtime ${job.runtime}; it has ${runtimes.keys.sorted().joinToString(", ")}",
        )
        val phone = Phone(context)
        val headroom = phone.thermalHeadroom()
        val photo = settings.photo?.let { Photo(File(folder, it), settings.photoName ?: it) }
        val vectors = settings.vectors?.let { VectorSet(File(folder, it)) }
        val executor = Executors.newSingleThreadExecutor()
        try {
            val result = Benchmark(phone, executor.asCoroutineDispatcher())
                .run(job, Bundle(File(folder, settings.bundle)), loader, vectors, photo)
            val note = headroom?.let { "thermal headroom before: $it of 1, at which the phone throttles severely" }
            return result.copy(notes = result.notes + listOfNotNull(note))
        } finally {
            executor.shutdown()
        }
    }
}
