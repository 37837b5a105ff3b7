"""The C tests on processors that this machine has not got: every kernel set against scalar, and the
scalar code on 32-bit and big-endian machines. Emulated: they prove bytes, not speed.
"""

from __future__ import annotations

import re

import pytest
from cross_build import ARM64_CLANG, ARM64_SANITIZED, ARMHF, I686, S390X, WASM, Build, Target

FAMILIES = 6
"""At least; a set may have kernels that others do without."""
NO_DOT, DOT = "cortex-a53", "cortex-a76"


def kernels_by_verdict(output: str) -> dict[str, set[str]]:
    """'verified' and 'not runnable here' → names of sets; a set is listed once a family."""
    found = re.findall(r"^ +(\w+) +(verified|not runnable here) +\S", output, re.MULTILINE)
    assert all(found.count(line) >= FAMILIES for line in found), output
    return {verdict: {s for s, v in found if v == verdict} for _, verdict in found}


@pytest.fixture(scope="module")
def arm64(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return Build(ARM64_SANITIZED, tmp_path_factory.mktemp("arm64"))


@pytest.fixture(scope="module")
def wasm(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return Build(WASM, tmp_path_factory.mktemp("wasm"))


@pytest.fixture(scope="module")
def s390x(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return Build(S390X, tmp_path_factory.mktemp("s390x"))


def assert_kept(build: Build, *options: str) -> dict[str, set[str]]:
    status, output = build.output(build.program, *options)
    assert status == 0 and "promises kept" in output, output
    return kernels_by_verdict(output)


def assert_seen(build: Build, fault: tuple[str, str, str], where: str, *options: str) -> None:
    status, output = build.output(build.changed(*fault), *options)
    assert status != 0 and where in output, output


def test_arm64_without_dot_product_runs_neon_and_no_more(arm64: Build) -> None:
    verdicts = assert_kept(arm64, "-cpu", NO_DOT)
    assert verdicts == {"verified": {"neon", "scalar"}, "not runnable here": {"neon_dot"}}


def test_arm64_with_dot_product_runs_every_set(arm64: Build) -> None:
    assert assert_kept(arm64, "-cpu", DOT) == {"verified": {"neon_dot", "neon", "scalar"}}


def test_arm64_of_the_compiler_that_phones_use_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    build = Build(ARM64_CLANG, tmp_path_factory.mktemp("clang"))
    assert assert_kept(build, "-cpu", "max") == {"verified": {"neon_dot", "neon", "scalar"}}


def test_webassembly_runs_its_vectors(wasm: Build) -> None:
    assert assert_kept(wasm) == {"verified": {"wasm_simd", "scalar"}}


@pytest.mark.parametrize("target", [ARMHF, I686], ids=["armhf", "i686"])
def test_32_bit_machines_keep_every_promise(
    target: Target, tmp_path_factory: pytest.TempPathFactory
) -> None:
    build = Build(target, tmp_path_factory.mktemp("narrow"))
    assert assert_kept(build) == {"verified": {"scalar"}}


def test_big_endian_machines_keep_every_promise(s390x: Build) -> None:
    assert assert_kept(s390x) == {"verified": {"scalar"}}


FAULTS_OF_NEON = {
    "a comparison": ("src/neon/skip.c", "vcgtq_u8(index", "vcgeq_u8(index"),
    "a weight": ("src/neon/network.c", "TAP(6) TAP(7)", "TAP(6) TAP(6)"),
    "a sum of weights": (
        "src/neon/network_dot.c",
        "128u * (uint32_t)vaddv",
        "127u * (uint32_t)vaddv",
    ),
    "a clamp": ("src/neon/pixels.c", "vdupq_n_s32(0x3F800000)", "vdupq_n_s32(0x3F900000)"),
    "rounding v / 255": ("src/neon/pixels.c", "thrice, RATIO_TO_F32)", "thrice, RATIO_TO_F32 - 1)"),
    "halves": ("src/neon/symbols.c", "low, floats_of(vget_high", "low, floats_of(vget_low"),
}


@pytest.mark.parametrize("fault", FAULTS_OF_NEON.values(), ids=FAULTS_OF_NEON)
def test_a_wrong_neon_kernel_is_seen(arm64: Build, fault: tuple[str, str, str]) -> None:
    """Control."""
    assert_seen(arm64, fault, "test_sets.c", "-cpu", DOT)


def test_a_neon_kernel_that_reads_too_far_is_seen(arm64: Build) -> None:
    """Control: right bytes, but 16 more of them read than there are."""
    read = "vld1q_u8(row[1] + j);"
    more = f"{read} if (vmaxvq_u8(vld1q_u8(row[1] + j + WIDTH)) == 256u - side) return;"
    assert_seen(arm64, ("src/neon/upsample.c", read, more), "AddressSanitizer", "-cpu", NO_DOT)


FAULTS_OF_WEBASSEMBLY = {
    "a tap": (
        "src/wasm/network.c",
        "add_products(&sums[q], &taps[3]",
        "add_products(&sums[q], &taps[2]",
    ),
    "a shift by 11": ("src/wasm/rans.c", "64, 32, 16, 8, 4, 2, 0", "64, 32, 16, 8, 4, 1, 0"),
    "rounding v / 255": ("src/wasm/pixels.c", "RATIO_TO_F32)", "RATIO_TO_F32 - 1)"),
    "a sign": ("src/wasm/rans.c", "wasm_i32x4_shr(full, 31)", "wasm_i32x4_shr(full, 30)"),
}


@pytest.mark.parametrize("fault", FAULTS_OF_WEBASSEMBLY.values(), ids=FAULTS_OF_WEBASSEMBLY)
def test_a_wrong_webassembly_kernel_is_seen(wasm: Build, fault: tuple[str, str, str]) -> None:
    """Control."""
    assert_seen(wasm, fault, "test_sets.c")


FAULTS_OF_BYTE_ORDER = {
    "words": ("src/scalar/rans.c", "read_u16(word)", "(uint16_t)(word[0] << 8 | word[1])"),
    "transposed symbols": (
        "src/symbols.c",
        "write_u64((uint8_t *)to + c * to_step, row[c])",
        "copy_bytes(to + c * to_step, &row[c], 8)",
    ),
}


@pytest.mark.parametrize("fault", FAULTS_OF_BYTE_ORDER.values(), ids=FAULTS_OF_BYTE_ORDER)
def test_the_byte_order_of_the_machine_is_seen(s390x: Build, fault: tuple[str, str, str]) -> None:
    """Control: the mistakes that no little-endian machine can show."""
    assert_seen(s390x, fault, "not true")
