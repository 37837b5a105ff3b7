package org.picodeploy.kit

/**
 * What a driver on another machine sets: extras of an intent, or arguments of an instrumentation test. All are text. Throws
 * [UsageException] for a value that makes no sense and for a name that is not known, so that a misspelt one is no default.
 */
data class Settings(
    val bundle: String,
    val vectors: String?,
    val photo: String?,
    val photoName: String?,
    val token: String?,
    val finish: Boolean,
    val job: Job,
) {
    companion object {
        private val known =
            setOf(
                "folder", "bundle", "vectors", "token", "finish", "runtime", "units", "exclusively", "precision", "level",
                "iterations", "warm_up", "size", "photo", "photo_name",
            )

        /** The folder of a run among the app's files; "" for those themselves. */
        fun folder(values: Map<String, String>): String = values["folder"]?.let(::plainName).orEmpty()

        /** [runtime] is the one to use when none is named. */
        fun of(values: Map<String, String>, runtime: String): Settings {
            (values.keys - known).firstOrNull()?.let {
                throw UsageException("no setting is called $it; known: ${known.sorted().joinToString(", ")}")
            }
            val size = values["size"] ?: "4032x3024"
            val sides = size.split("x").map { it.toIntOrNull() ?: 0 }
            if (sides.size != 2 || sides.any { it < 1 }) throw UsageException("size is $size; write it as 4032x3024")
            return Settings(
                bundle = plainName(values["bundle"] ?: "pico.bundle"),
                vectors = values["vectors"]?.let(::plainName),
                photo = values["photo"]?.let(::plainName),
                photoName = values["photo_name"],
                token = values["token"],
                finish = flag(values, "finish"),
                job = Job(
                    runtime = values["runtime"] ?: runtime,
                    units = (values["units"] ?: "npu,gpu,cpu").split(",").filter { it.isNotEmpty() },
                    exclusively = flag(values, "exclusively"),
                    precision = values["precision"],
                    level = number(values, "level", 40),
                    iterations = number(values, "iterations", 20),
                    warmUpIterations = number(values, "warm_up", 2),
                    width = sides[0],
                    height = sides[1],
                ),
            )
        }

        /** A file or folder beside the results, never a path that leads elsewhere. */
        private fun plainName(name: String): String {
            if (name.isEmpty() || "/" in name || name.startsWith(".")) {
                throw UsageException("$name is no name among the app's files")
            }
            return name
        }

        private fun flag(values: Map<String, String>, name: String): Boolean = when (val text = values[name]) {
            null, "false" -> false
            "true" -> true
            else -> throw UsageException("$name is $text; write true or false")
        }

        private fun number(values: Map<String, String>, name: String, otherwise: Int): Int {
            val text = values[name] ?: return otherwise
            return text.toIntOrNull()?.takeIf { it >= 0 } ?: throw UsageException("$name is $text; write a whole number")
        }
    }
}
