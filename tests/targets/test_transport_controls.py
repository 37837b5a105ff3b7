"""Controls: the contract test fails on a transport that breaks the contract."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import test_transport_contract as contract

from targets.local import LocalTransport
from targets.transport import Completed


class LosesTheLastByte(LocalTransport):
    def push(self, source: Path, name: str) -> None:
        super().push(source, name)
        target = self._folder / name
        target.write_bytes(target.read_bytes()[:-1])


class TrustsTheShell(LocalTransport):
    def run(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, timeout_s: float = 60
    ) -> Completed:
        done = subprocess.run(
            f"./{' '.join(argv)}", shell=True, cwd=self._folder, capture_output=True
        )
        return Completed(done.returncode, done.stdout, done.stderr)


class MixesOutputs(LocalTransport):
    def run(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, timeout_s: float = 60
    ) -> Completed:
        done = super().run(argv, env=env, timeout_s=timeout_s)
        return Completed(0, done.stdout + done.stderr, b"")


class LeavesHalfAFile(LocalTransport):
    def pull(self, name: str, destination: Path) -> None:
        destination.write_bytes(b"half")
        super().pull(name, destination)


def fails(check: Callable[[], None]) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check()


def test_lost_byte_is_noticed(tmp_path: Path) -> None:
    with LosesTheLastByte() as broken:
        fails(
            lambda: contract.test_what_was_pushed_comes_back_byte_for_byte(
                broken, "plain", tmp_path
            )
        )


@pytest.mark.parametrize("kind", [TrustsTheShell, MixesOutputs])
def test_altered_arguments_and_mixed_outputs_are_noticed(
    kind: type[LocalTransport], probe: Callable[[str], Path]
) -> None:
    with kind() as broken:
        opened = (broken, probe("x86-64"))
        fails(
            lambda: contract.test_arguments_and_environment_arrive_unaltered_and_outputs_stay_apart(
                opened
            )
        )


def test_lost_exit_code_is_noticed(probe: Callable[[str], Path]) -> None:
    with MixesOutputs() as broken:
        opened = (broken, probe("x86-64"))
        fails(lambda: contract.test_exit_code_of_a_program_is_a_result_and_no_error(opened, 7))


def test_half_a_file_is_noticed(tmp_path: Path) -> None:
    with LeavesHalfAFile() as broken:
        fails(
            lambda: contract.test_file_that_is_not_there_is_named_and_nothing_appears(
                broken, tmp_path
            )
        )
