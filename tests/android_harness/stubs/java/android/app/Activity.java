package android.app;

import android.content.ContextWrapper;
import android.content.Intent;
import android.os.Bundle;
import android.view.View;
import android.view.Window;

public class Activity extends ContextWrapper {
    protected void onCreate(Bundle state) {}
    protected void onDestroy() {}
    public Intent getIntent() { return null; }
    public Window getWindow() { return null; }
    public void setContentView(View view) {}
    public void finishAndRemoveTask() {}
}
