package org.tensorflow.lite;

import java.io.File;
import java.util.Map;

public final class Interpreter implements AutoCloseable {
    public Interpreter(File model, Options options) {}
    public void runSignature(Map<String, Object> inputs, Map<String, Object> outputs) {}
    @Override public void close() {}

    public static class Options {
        public Options addDelegate(Delegate delegate) { return this; }
    }
}
