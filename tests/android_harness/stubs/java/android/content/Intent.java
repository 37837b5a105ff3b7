package android.content;

import android.os.Bundle;

public class Intent {
    public static final String ACTION_BATTERY_CHANGED = "android.intent.action.BATTERY_CHANGED";
    public Bundle getExtras() { return null; }
    public int getIntExtra(String name, int otherwise) { return otherwise; }
}
