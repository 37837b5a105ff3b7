"""Phones as tests see them. Property values have the shapes that real devices and emulators report;
no real device was read out for them.
"""

from __future__ import annotations

from adbd import Phone

BATTERY = """Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  status: 2
  health: 2
  present: true
  level: 84
  scale: 100
  voltage: 4123
  temperature: 315
  technology: Li-ion
"""
THERMAL = "IsStatusOverride: false\nThermal Status: 1\nCached temperatures:\n"

_COMMON = {
    "uname -m": "aarch64\n",
    "dumpsys battery": BATTERY,
    "dumpsys thermalservice": THERMAL,
    "settings get global low_power": "0\n",
    "logcat": "I/pico: ready\n",
    "pm install": "Success\n",
}

TEST_PHONE = Phone(
    {
        "ro.product.manufacturer": "pico-deploy tests",
        "ro.product.brand": "test",
        "ro.product.model": "Test phone",
        "ro.product.name": "test_phone",
        "ro.product.device": "test",
        "ro.hardware": "qemu",
        "ro.build.version.release": "15",
        "ro.build.fingerprint": "test/test_phone/test:15/T1/1:userdebug/test-keys",
    },
    _COMMON,
)

# A device that lies about everything it can lie about: build, SoC and /proc/cpuinfo of a phone.
_CORE = """processor\t: {0}
BogoMIPS\t: 49.15
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0x{1}
CPU revision\t: 1

"""
PHONE_CPUINFO = "".join(
    _CORE.format(i, part) for i, part in enumerate(("d80", "d80", "d87", "d82"))
)
PHONE_PROPERTIES = {
    "ro.product.manufacturer": "Google",
    "ro.product.brand": "google",
    "ro.product.model": "Pixel 10",
    "ro.product.name": "frankel",
    "ro.product.device": "frankel",
    "ro.product.board": "frankel",
    "ro.hardware": "frankel",
    "ro.soc.manufacturer": "Google",
    "ro.soc.model": "Tensor G5",
    "ro.build.characteristics": "nosdcard",
    "ro.build.version.release": "16",
    "ro.build.fingerprint": "google/frankel/frankel:16/BD1A.250702.001/1:user/release-keys",
}
LYING_PHONE = Phone(PHONE_PROPERTIES, {**_COMMON, "cat /proc/cpuinfo": PHONE_CPUINFO})

ANDROID_EMULATOR = {
    "ro.product.manufacturer": "Google",
    "ro.product.brand": "google",
    "ro.product.model": "sdk_gphone64_arm64",
    "ro.product.name": "sdk_gphone64_arm64",
    "ro.product.device": "emu64a",
    "ro.product.board": "goldfish_arm64",
    "ro.hardware": "ranchu",
    "ro.boot.qemu": "1",
    "ro.kernel.qemu": "1",
    "ro.soc.manufacturer": "AOSP",
    "ro.soc.model": "ranchu",
    "ro.build.characteristics": "emulator",
    "ro.build.version.release": "15",
    "ro.build.fingerprint": (
        "google/sdk_gphone64_arm64/emu64a:15/AE3A.240806.005/1:userdebug/dev-keys"
    ),
}
