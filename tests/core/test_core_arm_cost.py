"""Instructions a symbol on AArch64 stay what they were when they were stored."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load_cost() -> ModuleType:
    spec = importlib.util.spec_from_file_location("arm_cost", ROOT / "benchmarks/arm/cost.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["arm_cost"] = module
    spec.loader.exec_module(module)
    return module


cost = load_cost()


@dataclass(frozen=True)
class Bench:
    """A folder with the guest's inputs."""

    folder: Path
    arguments: list[str]

    def count(self, core: Path) -> cost.Counts:
        guest = cost.build(self.folder, "clang", core)
        return cost.count(self.folder, guest, "clang", self.arguments)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    if missing := cost.missing_tools("clang"):
        pytest.skip("not installed: " + ", ".join(missing))
    if why := cost.differing_versions(cost.stored(), "clang"):
        pytest.skip(f"instruction counts cannot be compared: {why}")
    folder = tmp_path_factory.mktemp("arm-cost")
    return Bench(folder, cost.write_inputs(folder))


def test_no_phase_takes_more_instructions_than_stored(bench: Bench) -> None:
    over = cost.excesses(cost.stored(), bench.count(ROOT / "core"))
    hint = "if that is meant: python benchmarks/arm/cost.py --store, and update docs/core.md"
    assert not over, "\n".join([*map(str, over), hint])


def test_a_slower_loop_is_seen_where_it_is(bench: Bench, tmp_path: Path) -> None:
    """Control: two instructions more in the 84 that NEON takes to expand 64 elements."""
    core = tmp_path / "core"
    shutil.copytree(ROOT / "core", core)
    skip = core / "src/neon/skip.c"
    text, place = skip.read_text(encoding="utf-8"), "taken += selected(s);"
    assert place in text
    slower = f'__asm__ volatile("nop\\n nop"); {place}'
    skip.write_text(text.replace(place, slower), encoding="utf-8")
    over = cost.excesses(cost.stored(), bench.count(core))
    assert {e.kernels for e in over} == {"neon", "neon_dot"}
    assert {e.phase for e in over} == {"expand"}


def test_stored_counts_say_that_they_are_emulated_and_what_made_them() -> None:
    stored = cost.stored()
    assert stored.provenance == "emulated"
    assert "clang" in stored.compiler and "qemu" in stored.emulator
    assert set(stored.instructions) == {"scalar", "neon", "neon_dot"}


def test_another_compiler_or_emulator_is_named_instead_of_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = cost.stored()
    monkeypatch.setattr(cost, "versions", lambda compiler: (stored.compiler, stored.emulator))
    assert cost.differing_versions(stored, "clang") is None
    monkeypatch.setattr(cost, "versions", lambda compiler: ("clang 99", stored.emulator))
    why = cost.differing_versions(stored, "clang")
    assert why is not None and "clang 99" in why and stored.compiler in why
