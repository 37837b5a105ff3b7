/* What the virtual machine calls first. */
#include "jni_support.h"

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved) {
    JNIEnv *env = NULL;
    (void)reserved;
    if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) != JNI_OK) return JNI_ERR;
    if (!support_load(env) || !model_load(env) || !read_load(env) || !write_load(env) || !pixels_load(env))
        return JNI_ERR;
    return JNI_VERSION_1_6;
}
