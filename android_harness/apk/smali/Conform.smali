# pico_conform as a library: native/conform_jni.c.
.class public final Lorg/picodeploy/conform/Conform;
.super Ljava/lang/Object;

.method static constructor <clinit>()V
    .registers 1
    const-string v0, "pico_conform"
    invoke-static {v0}, Ljava/lang/System;->loadLibrary(Ljava/lang/String;)V
    return-void
.end method

# int run(String vectors, String results, String kernels): its exit code, -1 where results cannot be written.
# Standard output belongs to the process, so one call at a time.
.method public static native declared-synchronized run(Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;)I
.end method
