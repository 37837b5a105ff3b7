package android.os;

public class BatteryManager {
    public static final String EXTRA_LEVEL = "level", EXTRA_SCALE = "scale", EXTRA_TEMPERATURE = "temperature";
    public static final String EXTRA_PLUGGED = "plugged";
}
