package ai.onnxruntime;

public final class OrtEnvironment implements AutoCloseable {
    public static OrtEnvironment getEnvironment() { return null; }
    public String getVersion() { return ""; }
    public OrtSession createSession(String path, OrtSession.SessionOptions options) throws OrtException { return null; }
    @Override public void close() {}
}
