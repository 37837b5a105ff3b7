"""The JNI library on an AArch64 JVM under qemu; skipped where that JVM is not made yet, because it
comes from some 270 MB of packages. ``make android-arm`` makes it and judges every vector.
"""

from __future__ import annotations

import shutil

import arm_jvm
import pytest
from android_build import VECTORS

from pico_deploy.conformance.vector_set import VectorSet


@pytest.mark.slow
def test_vectors_are_exact_through_jni_on_an_arm_jvm() -> None:
    if not arm_jvm.folder().is_dir():
        pytest.skip("the AArch64 JVM is not made yet: make android-arm")
    if shutil.which(arm_jvm.QEMU) is None or shutil.which(arm_jvm.COMPILER) is None:
        pytest.skip(f"{arm_jvm.QEMU} or {arm_jvm.COMPILER} is not installed")
    kernels, _, *verdicts = arm_jvm.judge()
    assert kernels == "kernels neon_dot"
    assert len(verdicts) == len(VectorSet.open(VECTORS).names)
    assert [line for line in verdicts if not line.endswith(" exact")] == []
