package org.tensorflow.lite.nnapi;

import org.tensorflow.lite.Delegate;

@Deprecated
public class NnApiDelegate implements Delegate {
    public NnApiDelegate(Options options) {}
    @Override public long getNativeHandle() { return 0; }
    @Override public void close() {}
    public int getNnapiErrno() { return 0; }
    public boolean hasErrors() { return false; }

    public static final class Options {
        public static final int EXECUTION_PREFERENCE_SUSTAINED_SPEED = 2;
        public Options setExecutionPreference(int preference) { return this; }
        public Options setCacheDir(String folder) { return this; }
        public Options setModelToken(String token) { return this; }
        public Options setUseNnapiCpu(boolean enable) { return this; }
        public Options setAllowFp16(boolean enable) { return this; }
    }
}
