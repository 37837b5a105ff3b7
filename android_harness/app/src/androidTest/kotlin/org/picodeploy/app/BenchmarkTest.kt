package org.picodeploy.app

import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith

/**
 * The measurement as a test, for `am instrument` and device farms; `-e pico_level 40` sets what the activity's extra `level`
 * would. It passes when figures were taken and the symbols came back; whether they are fast enough is for the driver, which
 * knows the budget.
 */
@RunWith(AndroidJUnit4::class)
class BenchmarkTest {
    @Test
    fun twelveMegapixelsComeBackAndTheResultIsLeftAmongTheAppsFiles() {
        val arguments = InstrumentationRegistry.getArguments()
        val values = arguments.keySet().filter { it.startsWith(PREFIX) }
            .mapNotNull { name -> arguments.getString(name)?.let { name.removePrefix(PREFIX) to it } }.toMap()
        val context = InstrumentationRegistry.getInstrumentation().targetContext
        val hashes = runBlocking { Harness(context).run(values) }.run.hashes
        assertEquals(hashes.emittedSymbolsSha256, hashes.decodedSymbolsSha256)
    }

    private companion object {
        // The runner has arguments of its own.
        const val PREFIX = "pico_"
    }
}
