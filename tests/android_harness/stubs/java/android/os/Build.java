package android.os;

public class Build {
    public static final String UNKNOWN = "unknown";
    public static final String MODEL = "", MANUFACTURER = "", HARDWARE = "", FINGERPRINT = "";
    public static final String SOC_MANUFACTURER = "", SOC_MODEL = "";
    public static class VERSION {
        public static final int SDK_INT = Integer.parseInt("0");
        public static final String RELEASE = "";
    }
    public static class VERSION_CODES {
        public static final int P = 28, Q = 29, R = 30, S = 31;
    }
}
