package android.widget;

import android.content.Context;
import android.view.View;

public class ScrollView extends View {
    public ScrollView(Context context) {}
    public void addView(View view) {}
}
