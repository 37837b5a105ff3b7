package org.picodeploy.kit

import java.io.File
import java.io.IOException
import org.json.JSONObject

/**
 * What a run leaves among the app's files for a driver to fetch: `result.json`, or `error.json` with a code and one line.
 * Each appears whole or not at all, and [TOKEN], which appears last, says that the run which was given that token has ended.
 */
class Report(private val folder: File) {
    /** Removes what an earlier run left, so that nobody takes it for this one's. */
    fun clear() = listOf(RESULT, ERROR, SEEN, TOKEN).forEach { File(folder, it).delete() }

    fun write(result: MeasurementResult) = write(RESULT, result.json().toString(1) + "\n")

    fun write(error: Throwable) {
        val code = if (error is PicoException) error.code else "unexpected"
        val json = JSONObject().put("code", code).put("message", error.message ?: error.javaClass.name)
        write(ERROR, json.toString(1) + "\n")
    }

    /** What the app itself sees of the machine, for the driver that judges whether it is a device. */
    fun writeSeen(machine: String) {
        val json = JSONObject().put("machine", machine)
        Core.armMidr?.let { json.put("arm_midr", it) }
        write(SEEN, json.toString(1) + "\n")
    }

    fun end(token: String?) = write(TOKEN, (token ?: "done") + "\n")

    private fun write(name: String, text: String) {
        val part = File(folder, "$name.part")
        part.writeText(text)
        if (!part.renameTo(File(folder, name))) throw IOException("$name cannot be written to $folder")
    }

    companion object {
        const val RESULT = "result.json"
        const val ERROR = "error.json"
        const val SEEN = "seen.json"
        const val TOKEN = "ended.txt"
    }
}
