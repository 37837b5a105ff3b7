package com.google.ai.edge.litert

import android.content.Context

enum class Accelerator { NONE, CPU, GPU, NPU }

abstract class JniHandle internal constructor() : AutoCloseable {
    final override fun close() = Unit
}

class LiteRtException(message: String) : Exception(message)

interface NpuAcceleratorProvider

class BuiltinNpuAcceleratorProvider(@Suppress("unused") private val context: Context) : NpuAcceleratorProvider

class Environment private constructor() : JniHandle() {
    fun getAvailableAccelerators(): Set<Accelerator> = emptySet()

    enum class Option { CompilerPluginLibraryDir, DispatchLibraryDir }

    companion object {
        @Suppress("UNUSED_PARAMETER")
        fun create(
            context: Context,
            npuAcceleratorProvider: NpuAcceleratorProvider,
            options: Map<Option, String> = mapOf(),
            enableCompilerCache: Boolean = true,
        ): Environment = Environment()
    }
}

enum class TensorBufferType { Unknown, HostMemory, Ahwb, OpenClBuffer }

data class TensorBufferRequirements(
    val supportedTypes: List<TensorBufferType>,
    val bufferSize: Int,
    val strides: List<Int>,
)

@Suppress("UNUSED_PARAMETER")
class TensorBuffer internal constructor() : JniHandle() {
    fun writeFloat(data: FloatArray) = Unit

    fun readFloat(): FloatArray = FloatArray(0)
}

@Suppress("UNUSED_PARAMETER")
class CompiledModel private constructor() : JniHandle() {
    class Options(@Suppress("unused") private val accelerators: Set<Accelerator>) {
        constructor(vararg accelerators: Accelerator) : this(setOf(*accelerators))
    }

    fun createInputBuffer(inputName: String, signature: String = ""): TensorBuffer = TensorBuffer()

    fun createOutputBuffer(outputName: String, signature: String = ""): TensorBuffer = TensorBuffer()

    fun getOutputBufferRequirements(outputName: String, signature: String = "") =
        TensorBufferRequirements(emptyList(), 0, emptyList())

    fun run(inputs: Map<String, TensorBuffer>, outputs: Map<String, TensorBuffer>, signature: String = "") = Unit

    companion object {
        fun create(filePath: String, options: Options, optionalEnv: Environment? = null): CompiledModel =
            CompiledModel()
    }
}
