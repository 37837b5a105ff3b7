/* call_library LIBRARY VECTORS RESULTS KERNELS: calls run() of the APK's library without a JVM, where there is none
 * for the CPU. Strings are passed as what they are; of JNI only the two functions that the library calls exist. */
#include <dlfcn.h>
#include <jni.h>
#include <stdio.h>

typedef jint (*run_function)(JNIEnv *, jclass, jstring, jstring, jstring);

static const char *chars(JNIEnv *env, jstring string, jboolean *copied) {
    (void)env;
    if (copied != NULL) *copied = JNI_FALSE;
    return (const char *)string;
}

static void release(JNIEnv *env, jstring string, const char *text) {
    (void)env, (void)string, (void)text;
}

int main(int argc, char **argv) {
    struct JNINativeInterface_ functions = {.GetStringUTFChars = chars, .ReleaseStringUTFChars = release};
    JNIEnv env = &functions;
    void *library = argc == 5 ? dlopen(argv[1], RTLD_NOW) : NULL;
    run_function run = NULL;
    if (library != NULL) *(void **)&run = dlsym(library, "Java_org_picodeploy_conform_Conform_run");
    if (run == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    printf("returned %d\n", run(&env, NULL, (jstring)argv[2], (jstring)argv[3], (jstring)argv[4]));
    return 0;
}
