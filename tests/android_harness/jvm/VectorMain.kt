package org.picodeploy.test

import java.io.File
import org.picodeploy.kit.Core
import org.picodeploy.kit.VectorSet

/** `VectorMain FOLDER FLAGS [FILTER]`: a line for each vector, "name exact" or "name differs: expected | found". */
fun main(arguments: Array<String>) {
    val vectors = VectorSet(File(arguments[0]))
    val flags = arguments[1].toInt().takeIf { it >= 0 } ?: Core.detectedFlags()
    val wanted = Regex(arguments.getOrElse(2) { ".*" })
    println("kernels ${Core.kernels(flags)}")
    println("set ${vectors.sha256}")
    for (name in vectors.names.filter(wanted::matches)) {
        val verdict = vectors.judge(name, flags)
        println(if (verdict.exact) "$name exact" else "$name differs: ${verdict.expected} | ${verdict.found}")
    }
}
