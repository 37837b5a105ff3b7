"""The result of a measurement: one JSON schema for every harness (this host, phones, browsers,
farms).

Times are integer nanoseconds and sizes are bytes; a field's name carries its unit. What could not
be observed is null, never guessed; what was left out stands in ``dropped`` or ``notes``. The schema
only grows: a new field is optional and raises ``SCHEMA_VERSION``, so every older result stays
readable. ``result.schema.json`` beside this module is generated from these models (``python -m
pico_deploy.measure.schema``) for harnesses in other languages.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

SCHEMA_VERSION = 2
"""2 added: ``parse``, ``covers``, ``ran_elsewhere``, ``read_back``, ``accelerator_evidence``,
``operations_by_unit``, ``conformance``, ``emulator_markers``, ``target``, ``profile``.
"""

Count = Annotated[int, Field(ge=0)]
Nanoseconds = Annotated[int, Field(ge=0)]
Bytes = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Provenance(StrEnum):
    """How a figure came about; only ``device`` allows a verdict about a device."""

    DEVICE = "device"
    HOST = "host"
    EMULATED = "emulated"
    SIMULATED = "simulated"
    ESTIMATED = "estimated"
    CLAIMED = "claimed"


class Phase(StrEnum):
    """The steps of an encode or decode, in the order of a decode's data flow where they share
    one.
    """

    PARSE = "parse"
    PIXELS_IN = "pixels_in"
    ANALYSIS = "analysis"
    SCALE_INDICES = "scale_indices"
    ENTROPY = "entropy"
    SYNTHESIS = "synthesis"
    READ_BACK = "read_back"
    PIXELS_OUT = "pixels_out"


ACCELERATOR_PHASES = frozenset({Phase.ANALYSIS, Phase.SYNTHESIS, Phase.READ_BACK})
"""Phases the accelerator is busy in; the others belong to the CPU side of the pipeline."""


class ReadBack(StrEnum):
    """Where in an operation the way back from the accelerator's memory is timed. It is inside the
    latency always: a timer that stops when work was only queued measures nothing.
    """

    WITHIN = "within"
    PHASE = "phase"
    NONE = "none"


class Covers(StrEnum):
    """What a run's latency spans: the ``codec`` from pixels to bytes, or its ``core`` alone."""

    CODEC = "codec"
    CORE = "core"


class ThermalState(StrEnum):
    """Apple's four states; Android's PowerManager states map onto them (docs/measuring.md)."""

    NOMINAL = "nominal"
    FAIR = "fair"
    SERIOUS = "serious"
    CRITICAL = "critical"


class Strict(BaseModel):
    """Base of the schema: immutable, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tool(Strict):
    """The program that took the measurement."""

    name: str
    version: str
    core_bitstream_version: str
    core_kernels: str
    python_version: str | None = None
    compiler: str | None = None


class Device(Strict):
    """The machine. ``identified_by`` lists the evidence that it is what it says (build properties,
    SoC, CPU), ``emulator_markers`` what speaks against it.
    """

    model: str
    manufacturer: str | None = None
    soc: str | None = None
    architecture: str
    cpu: str | None = None
    cpu_count: int | None = None
    memory_bytes: Bytes | None = None
    os: str
    os_version: str
    os_build: str | None = None
    identified_by: tuple[str, ...] = ()
    emulator_markers: tuple[str, ...] = ()


class BundleIdentity(Strict):
    """Which model was measured."""

    name: str
    codec: str
    model_version: str | None = None
    manifest_sha256: Sha256
    entropy_fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    pixel_fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    bundle_bytes: Bytes


class Workload(Strict):
    """What was coded."""

    image: str
    image_source: Literal["file", "synthetic"]
    width: int
    height: int
    tiles: int
    level: int
    pixels_sha256: Sha256


class PhaseSamples(Strict):
    """Time spent in one phase: for every iteration, the duration of every call.

    ``part_of`` names the phase whose time contains this one; it was then timed apart and must not
    be added up.
    """

    samples_ns: tuple[tuple[Nanoseconds, ...], ...]
    part_of: Phase | None = None
    note: str | None = None

    @property
    def busy_ns(self) -> tuple[int, ...]:
        """Total of each iteration."""
        return tuple(sum(calls) for calls in self.samples_ns)

    @property
    def calls_ns(self) -> tuple[int, ...]:
        """Every call of every iteration."""
        return tuple(call for calls in self.samples_ns for call in calls)


class DroppedIteration(Strict):
    """An iteration that was run and is not among the samples."""

    iteration: int
    latency_ns: Nanoseconds
    reason: str


class Operation(Strict):
    """Encode or decode, end to end: from pixels in memory to the file's bytes, or back, read-back
    included; ``read_back`` says where. In a run that covers the core alone: the core's share.
    """

    latency_ns: Annotated[tuple[Nanoseconds, ...], Field(min_length=1)]
    phases: dict[Phase, PhaseSamples]
    read_back: ReadBack | None = None
    overlap_efficiency: tuple[float | None, ...] | None = None
    dropped: tuple[DroppedIteration, ...] = ()
    peak_memory_bytes: Bytes | None = None

    @model_validator(mode="after")
    def _one_entry_an_iteration(self) -> Self:
        for phase, samples in self.phases.items():
            if len(samples.samples_ns) != len(self.latency_ns):
                raise ValueError(
                    f"phase {phase} has {len(samples.samples_ns)} iterations, "
                    f"latency_ns has {len(self.latency_ns)}"
                )
        return self


class Load(Strict):
    """Time from a bundle on disk to parts that are ready to run.

    ``cold_ns`` is the first load, ``cold_means`` says of what (first after installation on a phone;
    first in a fresh process on a host); ``warm_ns`` are the loads after it.
    """

    cold_ns: Nanoseconds
    cold_means: str
    warm_ns: tuple[Nanoseconds, ...] = ()


class Memory(Strict):
    """Resident memory of the measuring process; ``method`` says how it was read."""

    before_load_bytes: Bytes | None = None
    after_load_bytes: Bytes | None = None
    peak_bytes: Bytes
    method: str


class Conditions(Strict):
    """State of the machine at one moment; null where the platform does not tell."""

    thermal_state: ThermalState | None = None
    temperature_celsius: float | None = None
    battery_percent: float | None = None
    charging: bool | None = None
    low_power: bool | None = None
    load_average_1min: float | None = None


class Hashes(Strict):
    """SHA-256 of what went through: symbols that analysis emitted, symbols decoded, the file,
    decoded pixels.
    """

    emitted_symbols_sha256: Sha256 | None = None
    decoded_symbols_sha256: Sha256 | None = None
    stream_sha256: Sha256 | None = None
    decoded_pixels_sha256: Sha256 | None = None


class Conformance(Strict):
    """Conformance vectors that were run beside the measurement. ``suite_sha256`` names the set,
    ``failures`` says for each failed vector what differed.
    """

    suite_sha256: Sha256
    vectors: Count
    passed: Count
    failures: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _every_vector_counts(self) -> Self:
        if self.passed + len(self.failures) != self.vectors:
            raise ValueError(
                f"{self.passed} passed and {len(self.failures)} failed of {self.vectors} vectors"
            )
        return self


class Failure(Strict):
    """Why a run has no figures: code and message of the error."""

    code: str
    message: str


class Run(Strict):
    """One runtime on one device: loading, encoding and decoding, or the failure that prevented
    it.

    ``accelerator_observed`` is what did the work, ``accelerator_evidence`` how that is known (a
    compute plan, a delegate's report), ``operations_by_unit`` how many operations each unit took.
    ``ran_elsewhere``: phases that another machine ran so that this run could be made, and which.
    """

    runtime: str
    runtime_version: str | None = None
    accelerator_requested: str
    accelerator_observed: str | None = None
    accelerator_evidence: str | None = None
    operations_by_unit: dict[str, Count] | None = None
    covers: Covers = Covers.CODEC
    ran_elsewhere: dict[Phase, str] = Field(default_factory=dict)
    precision: str | None = None
    threads: int | None = None
    load: Load | None = None
    encode: Operation | None = None
    decode: Operation | None = None
    stream_bytes: Bytes | None = None
    memory: Memory | None = None
    conditions_before: Conditions = Conditions()
    conditions_after: Conditions = Conditions()
    hashes: Hashes = Hashes()
    warm_up_iterations: Count = 0
    conformance: Conformance | None = None
    failure: Failure | None = None
    notes: tuple[str, ...] = ()


class Result(Strict):
    """One measurement session: the same image on one device, a run for each runtime.

    ``target`` is the kind of target without a serial number (``adb``, ``emulated:arm64``),
    ``profile`` the device profile that the device matches.
    """

    schema_name: Literal["pico-deploy/result"] = "pico-deploy/result"
    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    provenance: Provenance
    tool: Tool
    device: Device
    bundle: BundleIdentity
    workload: Workload
    target: str | None = None
    profile: str | None = None
    runs: tuple[Run, ...]
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _device_needs_evidence(self) -> Self:
        if self.provenance is Provenance.DEVICE and not self.device.identified_by:
            raise ValueError(
                "provenance 'device' needs evidence in device.identified_by "
                "(build properties, SoC, no emulator marker)"
            )
        if self.provenance is Provenance.DEVICE and self.device.emulator_markers:
            raise ValueError(
                "provenance 'device' with emulator markers: "
                + ", ".join(self.device.emulator_markers)
            )
        return self

    def run(self, runtime: str) -> Run | None:
        """The run of a runtime, if there is one."""
        return next((run for run in self.runs if run.runtime == runtime), None)
