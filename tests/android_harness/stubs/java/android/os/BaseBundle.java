package android.os;

import java.util.Set;

public class BaseBundle {
    public Set<String> keySet() { return null; }
    public String getString(String key) { return null; }
}
