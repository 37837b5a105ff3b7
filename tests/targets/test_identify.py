"""Only a device that is positively identified is called one."""

from __future__ import annotations

import dataclasses

import pytest
from phones import ANDROID_EMULATOR, PHONE_CPUINFO, PHONE_PROPERTIES, TEST_PHONE

from pico_deploy.measure.result import Provenance
from targets.identify import Seen, identify
from targets.transport import DeviceInfo

X86_CPUINFO = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\n"
CORTEX = Seen(machine="aarch64", arm_midr=0x411FD801)  # implementer 0x41, part 0xd80


def phone(cpuinfo: str = PHONE_CPUINFO, **properties: str) -> DeviceInfo:
    named = {name.replace("__", "."): value for name, value in properties.items()}
    return DeviceInfo(
        platform="android",
        runs="programs",
        model="x",
        architecture="aarch64",
        os="Android",
        os_version="16",
        properties=PHONE_PROPERTIES | named,
        cpuinfo=cpuinfo,
    )


def test_name_that_only_contains_an_emulators_is_no_marker() -> None:
    assert identify(phone(ro__product__device="equinox"), CORTEX).provenance is Provenance.DEVICE
    assert identify(phone(ro__product__device="nox"), CORTEX).provenance is Provenance.EMULATED


def test_phone_whose_build_soc_and_cpu_agree_is_a_device_and_says_why() -> None:
    found = identify(phone(), CORTEX)
    assert found.provenance is Provenance.DEVICE
    assert found.markers == found.missing == ()
    told = " ".join(found.evidence)
    assert "google/frankel" in told and "Tensor G5" in told and "part 0xd80" in told


@pytest.mark.parametrize(
    ("info", "seen", "reason"),
    [
        (phone(ro__kernel__qemu="1"), CORTEX, "ro.kernel.qemu=1"),
        (phone(ro__hardware="ranchu"), CORTEX, "ro.hardware=ranchu"),
        (phone(ro__product__device="vsoc_arm64"), CORTEX, "ro.product.device=vsoc_arm64"),
        (phone(ro__build__characteristics="emulator"), CORTEX, "characteristics=emulator"),
        (phone(ro__product__brand="samsung"), CORTEX, "is not of the brand samsung"),
        (phone(X86_CPUINFO), CORTEX, "names no Arm core"),
        (phone(PHONE_CPUINFO.replace("0xd87", "0xd0c")), CORTEX, "part 0xd0c is in no phone"),
        (phone(PHONE_CPUINFO.replace("0x41", "0x61")), CORTEX, "implementer 0x61"),
        (phone(), Seen("aarch64", 0x410FD0B1), "the program saw"),
        (phone(), Seen("x86_64"), "the program ran on x86_64"),
    ],
)
def test_one_marker_is_enough_to_be_emulated(info: DeviceInfo, seen: Seen, reason: str) -> None:
    found = identify(info, seen)
    assert found.provenance is Provenance.EMULATED
    assert any(reason in marker for marker in found.markers), found


@pytest.mark.parametrize(
    ("info", "seen", "reason"),
    [
        (phone(ro__soc__model=""), CORTEX, "ro.soc.model"),
        (phone(ro__soc__manufacturer="ACME"), CORTEX, "ro.soc.manufacturer"),
        (phone(ro__build__fingerprint=""), CORTEX, "ro.build.fingerprint"),
        (phone(ro__product__manufacturer=""), CORTEX, "ro.product.manufacturer"),
        (phone(""), CORTEX, "names no Arm core"),
        (phone(), Seen("aarch64"), "identification register"),
    ],
)
def test_missing_evidence_is_named_and_is_no_device(
    info: DeviceInfo, seen: Seen, reason: str
) -> None:
    found = identify(info, seen)
    assert found.provenance is Provenance.EMULATED
    assert any(reason in missing for missing in found.missing), found


@pytest.mark.parametrize("properties", [ANDROID_EMULATOR, TEST_PHONE.properties])
def test_android_emulator_and_test_phone_are_emulated_whatever_their_cpu(
    properties: dict[str, str],
) -> None:
    info = dataclasses.replace(phone(), properties=properties)
    assert identify(info, CORTEX).provenance is Provenance.EMULATED


def iphone(**properties: str) -> DeviceInfo:
    told = {"reality": "physical", "productType": "iPhone18,2"} | properties
    return DeviceInfo("ios", "apps", "x", "arm64e", "iOS", "26.1", properties=told)


@pytest.mark.parametrize(
    ("info", "seen", "provenance"),
    [
        (iphone(), Seen("iPhone18,2", simulator=False), Provenance.DEVICE),
        (iphone(), Seen("iPhone18,2", simulator=True), Provenance.EMULATED),
        (iphone(), Seen("arm64", simulator=False), Provenance.EMULATED),
        (iphone(), Seen(), Provenance.EMULATED),
        (iphone(reality="simulated"), Seen("iPhone18,2", simulator=False), Provenance.EMULATED),
        (iphone(productType="Mac16,1"), Seen("Mac16,1", simulator=False), Provenance.EMULATED),
    ],
)
def test_iphone_needs_the_tools_and_the_app_to_agree(
    info: DeviceInfo, seen: Seen, provenance: Provenance
) -> None:
    assert identify(info, seen).provenance is provenance


def test_iphone_whose_tools_do_not_tell_reality_is_no_device() -> None:
    info = dataclasses.replace(iphone(), properties={"productType": "iPhone18,2"})
    found = identify(info, Seen("iPhone18,2", simulator=False))
    assert found.provenance is Provenance.EMULATED and "reality" in found.missing[0]


def test_page_on_somebodys_phone_is_a_claim() -> None:
    info = DeviceInfo("browser", "pages", "x", "arm64", "Android", "16")
    assert identify(info, Seen("aarch64")).provenance is Provenance.CLAIMED
