// The Android Gradle plugin 9 compiles Kotlin itself; this says by which version.
buildscript {
    dependencies { classpath(libs.kotlin.gradle) }
}

plugins {
    alias(libs.plugins.android.application) apply false
    alias(libs.plugins.android.library) apply false
}
