package org.picodeploy.app

import android.app.ActivityManager
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.os.BatteryManager
import android.os.Build
import android.os.PowerManager
import org.picodeploy.kit.Conditions
import org.picodeploy.kit.Device
import org.picodeploy.kit.Machine

/** The phone as Android describes it to an app. That is a claim: a driver that can ask the phone itself judges it. */
class Phone(private val context: Context) : Machine {
    override val provenance = "claimed"
    override val target = "adb-app"

    override val device: Device
        get() {
            val memory = ActivityManager.MemoryInfo()
            service(ActivityManager::class.java).getMemoryInfo(memory)
            val soc = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) {
                listOf(Build.SOC_MANUFACTURER, Build.SOC_MODEL).filter { it != Build.UNKNOWN }.joinToString(" ")
            } else {
                Build.HARDWARE
            }
            return Device(
                model = Build.MODEL,
                manufacturer = Build.MANUFACTURER,
                soc = soc.ifEmpty { null },
                architecture = System.getProperty("os.arch") ?: "unknown",
                cpuCount = Runtime.getRuntime().availableProcessors(),
                memoryBytes = memory.totalMem,
                os = "Android",
                osVersion = Build.VERSION.RELEASE,
                osBuild = Build.FINGERPRINT,
            )
        }

    override fun conditions(): Conditions {
        val power = service(PowerManager::class.java)
        // A sticky broadcast: the last state, at once and without a receiver.
        val battery = context.registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED))
        fun reading(name: String): Int? = battery?.getIntExtra(name, -1)?.takeIf { it >= 0 }
        val level = reading(BatteryManager.EXTRA_LEVEL)
        val scale = reading(BatteryManager.EXTRA_SCALE)?.takeIf { it > 0 }
        val tenths = battery?.getIntExtra(BatteryManager.EXTRA_TEMPERATURE, Int.MIN_VALUE)
        return Conditions(
            thermalState = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) {
                thermalState(power.currentThermalStatus)
            } else {
                null
            },
            temperatureCelsius = tenths?.takeIf { it != Int.MIN_VALUE }?.let { it / 10.0 },
            batteryPercent = if (level != null && scale != null) 100.0 * level / scale else null,
            charging = reading(BatteryManager.EXTRA_PLUGGED)?.let { it != 0 },
            lowPower = power.isPowerSaveMode,
        )
    }

    /**
     * How near the phone is to throttling in ten seconds (1 is severe), where it says so; Android asks for at most one
     * question every ten seconds.
     */
    fun thermalHeadroom(): Float? {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.R) return null
        return service(PowerManager::class.java).getThermalHeadroom(FORECAST_S).takeUnless { it.isNaN() }
    }

    private fun <T> service(type: Class<T>): T = context.getSystemService(type)

    private companion object {
        const val FORECAST_S = 10

        /** PowerManager's status 0…6 as the schema's four states, as docs/measuring.md maps them. */
        fun thermalState(status: Int): String? = when (status) {
            PowerManager.THERMAL_STATUS_NONE -> "nominal"
            PowerManager.THERMAL_STATUS_LIGHT -> "fair"
            PowerManager.THERMAL_STATUS_MODERATE, PowerManager.THERMAL_STATUS_SEVERE -> "serious"
            PowerManager.THERMAL_STATUS_CRITICAL, PowerManager.THERMAL_STATUS_EMERGENCY,
            PowerManager.THERMAL_STATUS_SHUTDOWN,
            -> "critical"
            else -> null
        }
    }
}
