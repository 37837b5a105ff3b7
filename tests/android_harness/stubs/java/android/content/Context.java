package android.content;

import java.io.File;

public abstract class Context {
    public abstract Context getApplicationContext();
    public abstract File getExternalFilesDir(String type);
    public abstract File getCacheDir();
    public abstract <T> T getSystemService(Class<T> type);
    public abstract Intent registerReceiver(BroadcastReceiver receiver, IntentFilter filter);
}
