package android.os;

public final class PowerManager {
    public static final int THERMAL_STATUS_NONE = 0, THERMAL_STATUS_LIGHT = 1, THERMAL_STATUS_MODERATE = 2;
    public static final int THERMAL_STATUS_SEVERE = 3, THERMAL_STATUS_CRITICAL = 4;
    public static final int THERMAL_STATUS_EMERGENCY = 5, THERMAL_STATUS_SHUTDOWN = 6;
    public int getCurrentThermalStatus() { return 0; }
    public float getThermalHeadroom(int forecastSeconds) { return Float.NaN; }
    public boolean isPowerSaveMode() { return false; }
}
