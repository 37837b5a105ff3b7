package org.picodeploy.test

import java.io.File
import org.picodeploy.kit.PicoException
import org.picodeploy.kit.Report
import org.picodeploy.kit.Settings

/** `SettingsMain FOLDER NAME=VALUE…`: what a driver's settings mean, and what a run with them leaves in the folder. */
fun main(arguments: Array<String>) {
    val values = arguments.drop(1).associate { it.substringBefore("=") to it.substringAfter("=") }
    val report = Report(File(arguments[0]))
    report.clear()
    try {
        report.writeSeen("aarch64")
        println(Settings.of(values, "tflite"))
    } catch (error: PicoException) {
        report.write(error)
    } finally {
        report.end(values["token"])
    }
}
