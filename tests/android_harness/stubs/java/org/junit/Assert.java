package org.junit;

public class Assert {
    public static void assertEquals(Object expected, Object actual) {}
}
