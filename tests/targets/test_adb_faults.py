"""Everything that goes wrong with a phone on a cable has a name, a remedy, and leaves no half file.

The real adb server stands between the transport and the faults.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from adbd import DATA, Adbd

from pico_deploy.errors import UsageError
from targets import adb
from targets.adb import AdbTransport
from targets.errors import (
    DeviceFullError,
    DisconnectedError,
    NoSuchDeviceError,
    TargetError,
    TargetTimeoutError,
    UnauthorisedError,
)
from targets.registry import open_transport


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big"
    path.write_bytes(bytes(1 << 20))
    return path


def test_disk_full_on_push_is_told_with_the_phones_own_words(adbd: Adbd, big: Path) -> None:
    adbd.faults.room_bytes = 1000
    with open_transport(f"adb:{adbd.serial}") as phone:
        with pytest.raises(DeviceFullError, match="No space left on device"):
            phone.push(big, "big")
        (big.parent / "small").write_bytes(b"fits")
        phone.push(big.parent / "small", "small")  # and the connection lives on


def test_cable_pulled_in_mid_pull_leaves_no_half_file(
    adbd: Adbd, big: Path, tmp_path: Path
) -> None:
    with open_transport(f"adb:{adbd.serial}") as phone:
        phone.push(big, "big")
        adbd.faults.cut_after_bytes = 300_000
        with pytest.raises(DisconnectedError, match="check the cable"):
            phone.pull("big", tmp_path / "back")
        assert list(tmp_path.glob("back*")) == []
        adbd.faults.cut_after_bytes = None


def test_control_same_pull_on_a_whole_cable_brings_every_byte(
    adbd: Adbd, big: Path, tmp_path: Path
) -> None:
    with open_transport(f"adb:{adbd.serial}") as phone:
        phone.push(big, "big")
        phone.pull("big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()


def test_phone_that_is_not_there_is_named_with_those_that_are(adbd: Adbd) -> None:
    with pytest.raises(NoSuchDeviceError, match=f"connected: {adbd.serial}"):
        open_transport("adb:emulator-5599")


def test_phone_that_does_not_trust_this_computer_says_what_to_do(
    adbd: Adbd, adb_server: Callable[..., str]
) -> None:
    adb_server("disconnect", adbd.serial)
    adbd.faults.unauthorised = True
    adb_server("connect", adbd.serial)
    for _ in range(50):  # the server offers its keys one by one
        if "unauthorized" in adb_server("devices"):
            break
        time.sleep(0.1)
    with pytest.raises(UnauthorisedError, match="allow USB debugging"):
        open_transport(f"adb:{adbd.serial}")
    assert adb.connected() == []


def test_phone_that_falls_silent_is_a_timeout(adbd: Adbd, big: Path) -> None:
    with AdbTransport(adbd.serial, idle_s=0.5) as phone:
        phone.push(big, "big")
        adbd.faults.silent = True
        with pytest.raises(TargetTimeoutError, match="did not finish"):
            phone.pull("big", big.parent / "back")
        with pytest.raises(TargetTimeoutError):
            phone.push(big, "again")
        with pytest.raises(TargetTimeoutError):
            phone.run(["big"], timeout_s=0.5)


def test_program_that_ran_out_of_time_is_stopped_on_the_phone(
    adbd: Adbd, probe: Callable[[str], Path]
) -> None:
    with open_transport(f"adb:{adbd.serial}") as phone:
        phone.push(probe("arm64"), "probe")
        with pytest.raises(TargetTimeoutError):
            phone.run(["probe", "wait"], timeout_s=0.5)
        for _ in range(50):
            if adbd.stopped_programs:
                break
            time.sleep(0.1)
        assert adbd.stopped_programs == 1


def test_refused_installation_gives_the_phones_reason(adbd: Adbd, big: Path) -> None:
    adbd.phone.answers["pm install"] = "Failure [INSTALL_FAILED_NO_MATCHING_ABIS]\n"
    with (
        open_transport(f"adb:{adbd.serial}") as phone,
        pytest.raises(TargetError, match="INSTALL_FAILED_NO_MATCHING_ABIS"),
    ):
        phone.install(big)


def test_nothing_is_left_on_the_phone(adbd: Adbd, big: Path) -> None:
    with open_transport(f"adb:{adbd.serial}") as phone:
        phone.push(big, "sub/big")
        assert list((adbd.root / DATA[1:]).iterdir())
    assert list((adbd.root / DATA[1:]).iterdir()) == []


def test_address_without_a_serial_takes_the_only_phone_and_refuses_to_guess(
    adbd: Adbd, adb_server: Callable[..., str]
) -> None:
    with open_transport("adb") as phone:
        assert phone.address == f"adb:{adbd.serial}"
    adb_server("disconnect", adbd.serial)
    with pytest.raises(NoSuchDeviceError, match="no Android device is connected"):
        open_transport("adb")


def test_unknown_target_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="host, local, emulated, adb"):
        open_transport("moon")


def test_readings_are_those_that_the_phone_gives(adbd: Adbd) -> None:
    with open_transport(f"adb:{adbd.serial}") as phone:
        found = phone.info().conditions
    assert found.thermal_state == "fair"
    assert (found.temperature_celsius, found.battery_percent) == (31.5, 84)
    assert (found.charging, found.low_power) == (True, False)
