"""Results for tests, small and whole."""

from collections.abc import Mapping, Sequence

from pico_deploy.measure.result import (
    BundleIdentity,
    Device,
    DroppedIteration,
    Hashes,
    Load,
    Memory,
    Operation,
    Phase,
    PhaseSamples,
    Provenance,
    Result,
    Run,
    Tool,
    Workload,
)

MILLISECOND = 1_000_000


def make_operation(
    latency_ns: Sequence[int], phases: Mapping[Phase, PhaseSamples] | None = None
) -> Operation:
    return Operation(latency_ns=tuple(latency_ns), phases=dict(phases or {}))


def make_run(
    runtime: str = "onnx",
    encode_ms: Sequence[float] = (230, 231, 232, 229, 230),
    decode_ms: Sequence[float] = (150, 151, 149, 150, 152),
    threads: int | None = 2,
) -> Run:
    encode_ns = [int(ms * MILLISECOND) for ms in encode_ms]
    analysis = PhaseSamples(samples_ns=tuple((ns // 2, ns // 3) for ns in encode_ns))
    indices = PhaseSamples(
        samples_ns=tuple((ns // 50,) for ns in encode_ns), part_of=Phase.ENTROPY, note="timed apart"
    )
    encode = Operation(
        latency_ns=tuple(encode_ns),
        phases={Phase.ANALYSIS: analysis, Phase.SCALE_INDICES: indices},
        overlap_efficiency=(0.8,) * len(encode_ns),
        dropped=(DroppedIteration(iteration=0, latency_ns=9 * MILLISECOND, reason="interrupted"),),
    )
    return Run(
        runtime=runtime,
        runtime_version="1.2.3",
        accelerator_requested="cpu",
        accelerator_observed="cpu",
        precision="fp32",
        threads=threads,
        load=Load(cold_ns=400, cold_means="first in a fresh process", warm_ns=(100, 110, 90)),
        encode=encode,
        decode=make_operation([int(ms * MILLISECOND) for ms in decode_ms]),
        stream_bytes=300_000,
        memory=Memory(peak_bytes=200 << 20, method="VmHWM"),
        hashes=Hashes(emitted_symbols_sha256="a" * 64, decoded_symbols_sha256="a" * 64),
        warm_up_iterations=1,
    )


def make_result(
    provenance: Provenance = Provenance.HOST,
    identified_by: Sequence[str] = (),
    runs: Sequence[Run] | None = None,
    level: int = 40,
) -> Result:
    return Result(
        provenance=provenance,
        tool=Tool(
            name="pico-deploy", version="0.1.0", core_bitstream_version="1.0", core_kernels="scalar"
        ),
        device=Device(
            model="Test machine",
            architecture="x86_64",
            cpu="Test CPU",
            cpu_count=2,
            os="Linux",
            os_version="6.1",
            identified_by=tuple(identified_by),
        ),
        bundle=BundleIdentity(
            name="pico-s.bundle",
            codec="pico-s",
            manifest_sha256="0" * 64,
            entropy_fingerprint="1" * 32,
            pixel_fingerprint="2" * 16,
            bundle_bytes=10_000_000,
        ),
        workload=Workload(
            image="photo.jpg",
            image_source="file",
            width=4032,
            height=3024,
            tiles=48,
            level=level,
            pixels_sha256="3" * 64,
        ),
        runs=tuple(runs) if runs is not None else (make_run(),),
    )
