package org.picodeploy.conform;

/** Calls the library of the APK on a JVM: Conform.java LIBRARY VECTORS RESULTS KERNELS prints what run() returns. */
final class Conform {
    private Conform() {}

    static synchronized native int run(String vectors, String results, String kernels);

    public static void main(String[] arguments) {
        System.load(arguments[0]);
        System.out.println("returned " + run(arguments[1], arguments[2], arguments[3]));
    }
}
