package org.picodeploy.app

import android.app.Activity
import android.os.Bundle
import android.view.WindowManager
import android.widget.ScrollView
import android.widget.TextView
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import org.picodeploy.kit.MeasurementResult
import org.picodeploy.kit.Settings

/**
 * Measures at once with the text extras of the intent as settings ([Settings]), shows the figures and leaves them among the
 * app's files: `am start -S -n org.picodeploy.harness/org.picodeploy.app.BenchActivity --es bundle pico.bundle`.
 */
class BenchActivity : Activity(), CoroutineScope by MainScope() {
    private lateinit var text: TextView

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        // With the screen off the phone slows down, and figures would be of that.
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        text = TextView(this)
        text.setPadding(PADDING, PADDING, PADDING, PADDING)
        setContentView(ScrollView(this).also { it.addView(text) })
        text.text = "Measuring. Keep the phone still and unplugged."
        val values = intent.extras?.let { extras ->
            extras.keySet().mapNotNull { name -> extras.getString(name)?.let { name to it } }.toMap()
        }.orEmpty()
        launch {
            try {
                val result = withContext(Dispatchers.Default) { Harness(applicationContext).run(values) }
                text.text = summary(result)
            } catch (error: Exception) {
                // The reason also lies in error.json, unless there is no place to write to.
                text.text = error.message ?: error.toString()
            }
            if (values["finish"] == "true") finishAndRemoveTask()
        }
    }

    override fun onDestroy() {
        cancel()
        super.onDestroy()
    }

    private fun summary(result: MeasurementResult): String {
        val run = result.run
        fun median(latencies: List<Long>) = latencies.sorted()[latencies.size / 2] / NANOSECONDS_A_MILLISECOND
        return listOf(
            "${run.runtime} ${run.runtimeVersion.orEmpty()}",
            "asked for ${run.observation.requested}, observed ${run.observation.observed ?: "not known"}",
            "encode ${median(run.encode.latencyNs)} ms, decode ${median(run.decode.latencyNs)} ms (medians)",
            "${run.streamBytes} bytes, symbols came back",
            "not judged to be a device measurement: that is the driver's matter",
        ).joinToString("\n")
    }

    private companion object {
        const val PADDING = 48
        const val NANOSECONDS_A_MILLISECOND = 1_000_000
    }
}
