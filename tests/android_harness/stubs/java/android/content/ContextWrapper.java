package android.content;

import java.io.File;

public class ContextWrapper extends Context {
    @Override public Context getApplicationContext() { return null; }
    @Override public File getExternalFilesDir(String type) { return null; }
    @Override public File getCacheDir() { return null; }
    @Override public <T> T getSystemService(Class<T> type) { return null; }
    @Override public Intent registerReceiver(BroadcastReceiver receiver, IntentFilter filter) { return null; }
}
