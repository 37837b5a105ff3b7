plugins {
    alias(libs.plugins.android.application)
}

android {
    namespace = "org.picodeploy.app"
    compileSdk = libs.versions.compileSdk.get().toInt()
    ndkVersion = libs.versions.ndk.get()

    defaultConfig {
        applicationId = "org.picodeploy.harness"
        minSdk = libs.versions.minSdk.get().toInt()
        targetSdk = libs.versions.compileSdk.get().toInt()
        versionCode = 1
        versionName = "0.1.0"
        testInstrumentationRunner = "androidx.test.runner.AndroidJUnitRunner"
        ndk { abiFilters += listOf("arm64-v8a", "x86_64") }
    }
    // LiteRT 2 and LiteRT 1 hold the same classes of org.tensorflow.lite, so no app can have both: NNAPI, which only
    // LiteRT 1 reaches from Java, is a flavour of its own.
    flavorDimensions += "runtime"
    productFlavors {
        create("litert") { dimension = "runtime" }
        create("legacy") {
            dimension = "runtime"
            applicationIdSuffix = ".legacy"
        }
    }
    buildTypes {
        release {
            // Installed by hand or by a farm, never by a store: the debug key is enough, and figures need release code.
            signingConfig = signingConfigs.getByName("debug")
            isMinifyEnabled = false
        }
    }
    testBuildType = "release"
    packaging {
        // Unpacked at installation, because vendors' NPU libraries are looked for in the file system.
        jniLibs { useLegacyPackaging = true }
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

kotlin {
    compilerOptions { allWarningsAsErrors.set(true) }
}

dependencies {
    implementation(project(":kit"))
    implementation(libs.onnxruntime)
    "litertImplementation"(libs.litert)
    "litertImplementation"(libs.litert.gpu)
    "legacyImplementation"(libs.litert.legacy)
    androidTestImplementation(libs.test.core)
    androidTestImplementation(libs.test.runner)
    androidTestImplementation(libs.test.junit)
}
