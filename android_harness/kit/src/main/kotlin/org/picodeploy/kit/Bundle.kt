package org.picodeploy.kit

import java.io.File
import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject

/** What a tensor is for; [label] as in the manifest. */
enum class Role(val label: String) {
    X("x"),
    ANCHORS("anchors"),
    Y_MASK("y_mask"),
    Z_MASK("z_mask"),
    Z("z"),
    Y("y"),
    X_HAT("x_hat");

    companion object {
        fun of(label: String): Role = entries.firstOrNull { it.label == label }
            ?: throw BundleException("the manifest has a tensor for \"$label\", which this harness does not know")
    }
}

/** One input or output of an artefact; [name] is the file's own. */
data class Tensor(val role: Role, val name: String, val layout: String, val dtype: String, val shape: List<Int>) {
    val size: Int get() = shape.fold(1, Int::times)
    val channelsLast: Boolean get() = layout == "nhwc"
}

/** One of the two float parts of a codec for one runtime. */
data class Artefact(
    val runtime: String,
    val part: String,
    val precision: String,
    val path: String,
    val inputs: List<Tensor>,
    val outputs: List<Tensor>,
) {
    fun input(role: Role): Tensor = inputs.firstOrNull { it.role == role }
        ?: throw BundleException("$path: has no input ${role.label}")

    fun output(role: Role): Tensor = outputs.firstOrNull { it.role == role }
        ?: throw BundleException("$path: has no output ${role.label}")

    /** Throws unless every tensor is float32, which is what these runners pass. */
    fun requireFloat32() {
        val other = (inputs + outputs).firstOrNull { it.dtype != "float32" } ?: return
        throw BundleException("$path: ${other.name} is ${other.dtype}; this harness runs artefacts with float32 tensors")
    }
}

/**
 * A bundle on disk whose files were compared with its manifest. Throws [BundleException] for a file that is missing or not
 * the sealed one, and for a manifest of another version. The manifest's schema is in docs/bundle.md.
 */
class Bundle(val folder: File) {
    val name: String = folder.name
    val codec: String
    val modelVersion: String
    val entropyFingerprint: String
    val pixelFingerprint: String
    val manifestSha256: String
    val artefacts: List<Artefact>
    val entropyBin: ByteArray

    /** Sum of the sizes of all listed files. */
    val bytes: Long
    private val anchorTable: List<FloatArray>

    init {
        val json = read(MANIFEST) ?: throw BundleException("$name: has no $MANIFEST; push the whole bundle folder")
        manifestSha256 = Core.sha256Hex(json)
        val manifest = try {
            JSONObject(json.toString(Charsets.UTF_8))
        } catch (error: JSONException) {
            throw BundleException("$name: $MANIFEST cannot be read (${error.message})")
        }
        try {
            val version = manifest.getInt("schema_version")
            if (version != 1) throw BundleException("$name: manifest version $version; this harness reads version 1")
            codec = manifest.getString("codec")
            modelVersion = manifest.getString("model_version")
            entropyFingerprint = manifest.getString("entropy_fingerprint")
            pixelFingerprint = manifest.getString("pixel_fingerprint")
            anchorTable = manifest.getJSONArray("anchor_table").map { row -> floats(getJSONArray(row)) }
            artefacts = manifest.getJSONArray("artefacts").map { artefact(getJSONObject(it)) }
            bytes = checked(manifest.getJSONObject("files"))
        } catch (error: JSONException) {
            throw BundleException("$name: $MANIFEST is not of version 1 (${error.message})")
        }
        entropyBin = read(ENTROPY) ?: throw BundleException("$name: has no $ENTROPY")
    }

    /** The artefact of a part for a runtime, in a precision or in the first one the bundle has. */
    fun artefact(part: String, runtime: String, precision: String? = null): Artefact {
        val found = artefacts.firstOrNull {
            it.part == part && it.runtime == runtime && (precision == null || it.precision == precision)
        }
        val wanted = if (precision == null) runtime else "$runtime $precision"
        return found ?: throw BundleException("$name: has no $wanted artefact of $part; convert with that target")
    }

    fun file(artefact: Artefact): File = File(folder, artefact.path)

    val levels: Int get() = anchorTable.size

    /** The level input of the float parts. */
    fun anchors(level: Int): FloatArray = anchorTable.getOrNull(level)
        ?: throw UsageException("level $level does not exist; the bundle has 0…${levels - 1}")

    private fun checked(files: JSONObject): Long = files.keys().asSequence().map { it.toString() }.sumOf { path ->
        if (path.startsWith("/") || ".." in path.split("/")) throw BundleException("$name: $path leads out of the bundle")
        val entry = files.getJSONObject(path)
        val data = read(path) ?: throw BundleException("$name: $path is missing; push the whole bundle folder")
        if (data.size.toLong() != entry.getLong("size") || Core.sha256Hex(data) != entry.getString("sha256")) {
            throw BundleException("$name: $path is not the file that was sealed; push it again")
        }
        data.size.toLong()
    }

    private fun read(path: String): ByteArray? = File(folder, path).takeIf { it.isFile }?.readBytes()

    private companion object {
        const val MANIFEST = "manifest.json"
        const val ENTROPY = "entropy.bin"

        fun <T> JSONArray.map(element: JSONArray.(Int) -> T): List<T> = List(length()) { element(it) }

        fun floats(row: JSONArray) = FloatArray(row.length()) { row.getDouble(it).toFloat() }

        fun artefact(json: JSONObject) = Artefact(
            json.getString("runtime"), json.getString("part"), json.getString("precision"), json.getString("path"),
            tensors(json.getJSONArray("inputs")), tensors(json.getJSONArray("outputs")),
        )

        fun tensors(json: JSONArray): List<Tensor> = json.map { index ->
            val tensor = getJSONObject(index)
            Tensor(
                Role.of(tensor.getString("role")), tensor.getString("name"), tensor.getString("layout"),
                tensor.getString("dtype"), tensor.getJSONArray("shape").map { getInt(it) },
            )
        }
    }
}
