"""The core alone on a target that runs programs: a stream is made here, sent, decoded and coded
again there, and timed.

Analysis and synthesis need an app of the platform; the result says where they ran, if at all.
Symbols and bytes that come back must be those of this machine.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from pico_deploy import __version__
from pico_deploy.bundle.manifest import ENTROPY_NAME
from pico_deploy.conformance.pixels import pixels_sha256
from pico_deploy.conformance.symbols import SymbolRecorder, image_sha256
from pico_deploy.conformance.vector_set import VectorSet
from pico_deploy.errors import UsageError, VerificationError
from pico_deploy.measure import identity
from pico_deploy.measure.protocol import Job
from pico_deploy.measure.result import (
    BundleIdentity,
    Conditions,
    Conformance,
    Covers,
    Device,
    Hashes,
    Load,
    Memory,
    Phase,
    Result,
    Run,
    Tool,
    Workload,
)
from pico_deploy.measure.workload import load_picture
from pico_deploy.runtime.backend import BackendOptions
from pico_deploy.runtime.encode import encode
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.session import Session
from targets import profile
from targets.architectures import Architecture, of_machine
from targets.core_report import CoreReport, parse_conformance, parse_report, require_exact
from targets.errors import TargetError, UnsupportedError
from targets.identify import Identity, identify
from targets.programs import PROGRAM, built
from targets.registry import Request, open_transport
from targets.transport import DeviceInfo, Transport

STREAM, REPORT, VECTORS = "photo.pico", "report.json", "vectors"
_CONFORM = (PROGRAM, "conform", VECTORS)
RUN_TIMEOUT_S = 1800.0
RUNTIME = "core"
NOT_RUN = "not run: decoding ended with symbols"
COLD = "first pico_model_init in a fresh process, entropy.bin in memory; no runtime is loaded"


@dataclass(frozen=True)
class Prepared:
    """A stream that this machine made of the job's photo, and what went into it."""

    bundle: BundleIdentity
    workload: Workload
    entropy_bin: bytes
    stream: bytes
    emitted_symbols_sha256: str
    made_by: str


def bench(address: str, request: Request) -> Result:
    """Measure the core on a target.

    Raises what the transport raises, ``UnsupportedError`` where no programs run, ``TargetError``
    when the program fails, and ``VerificationError`` when symbols, bytes or pixels differ.
    """
    vectors = None if request.vectors is None else VectorSet.open(request.vectors)
    with open_transport(address) as transport:
        before = transport.info()
        program = request.program or built(_architecture(address, before))
        request.progress(0, 3, "encoding here")
        prepared = prepare(request.job, request.runtimes[0])
        request.progress(1, 3, f"running on {before.model}")
        report = _measure(transport, request.job, program, prepared)
        after = transport.info()
        request.progress(2, 3, "judging vectors" if vectors else "checking")
        conformance = None if vectors is None else _conform(transport, vectors)
    require_exact(report, prepared.emitted_symbols_sha256, address)
    run = _run(request.job, prepared, report, before.conditions, after.conditions)
    run = run.model_copy(update={"conformance": conformance})
    return _result(address, prepared, report, before, run)


def plan(address: str, request: Request) -> list[str]:
    """What would be sent and run."""
    job = request.job
    photo = job.photo or "the synthetic image"
    return [
        f"make here: {STREAM}, {photo} at level {job.level} by {request.runtimes[0]}",
        f"build here: {request.program or PROGRAM} for the architecture of {address}",
        *(f"push to {address}: {name}" for name in (PROGRAM, ENTROPY_NAME, STREAM)),
        f"run on {address}: {' '.join(_command(job))}",
        f"pull from {address}: {REPORT}",
        *(
            ()
            if request.vectors is None
            else (
                f"push to {address}: every file of {request.vectors}",
                f"run on {address}: {' '.join(_CONFORM)}",
            )
        ),
        f"remove from {address}: everything that was pushed",
    ]


def prepare(job: Job, runtime: str) -> Prepared:
    """Encode the job's photo here, and keep the hash of the symbols that analysis emitted.

    Raises ``BundleError``, ``InputError``, ``MissingDependencyError``, and ``UsageError`` for a
    level that the bundle has not.
    """
    picture = load_picture(job.photo)
    options = BackendOptions(job.threads, job.weights, job.codec)
    with Session.open(job.bundle) as session:
        levels = session.manifest.geometry.levels
        if not 0 <= job.level < levels:
            raise UsageError(f"level {job.level} does not exist; the bundle has 0…{levels - 1}")
        precision = None if job.precision == "int8" else job.precision
        analysis = session.load("analysis", runtime, precision, options)
        emitted = SymbolRecorder()
        stream = encode(ArrayPixels(picture.pixels), session, analysis, job.level, observer=emitted)
        height, width = picture.pixels.shape[:2]
        return Prepared(
            bundle=identity.bundle(session.bundle),
            workload=Workload(
                image=picture.name,
                image_source=picture.source,
                width=width,
                height=height,
                tiles=session.model.grid(width, height).tiles,
                level=job.level,
                pixels_sha256=pixels_sha256(picture.pixels),
            ),
            entropy_bin=session.bundle.entropy_bin(),
            stream=stream,
            emitted_symbols_sha256=image_sha256(emitted.tiles),
            made_by=f"host: {analysis.report.library} {analysis.report.version}",
        )


def _architecture(address: str, info: DeviceInfo) -> Architecture:
    if info.runs != "programs":
        raise UnsupportedError(f"{address} runs {info.runs}, no programs; {PROGRAM} is a program")
    found = of_machine(info.architecture)
    if found is None:
        raise UnsupportedError(f"{address} is a {info.architecture}, for which nothing is built")
    return found


def _command(job: Job) -> list[str]:
    passes = (str(job.iterations), str(job.warm_up_iterations))
    return [PROGRAM, "run", ENTROPY_NAME, STREAM, REPORT, *passes]


def _measure(transport: Transport, job: Job, program: Path, prepared: Prepared) -> CoreReport:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in ((ENTROPY_NAME, prepared.entropy_bin), (STREAM, prepared.stream)):
            (folder / file).write_bytes(content)
            transport.push(folder / file, file)
        transport.push(program, PROGRAM)
        done = transport.run(_command(job), timeout_s=RUN_TIMEOUT_S)
        if done.exit_code != 0:
            raise TargetError(
                f"{transport.address}: {PROGRAM} ended with {done.exit_code}: {done.last_words}"
            )
        transport.pull(REPORT, folder / REPORT)
        return parse_report((folder / REPORT).read_bytes(), transport.address)


def _conform(transport: Transport, vectors: VectorSet) -> Conformance:
    for file in sorted(vectors.folder.rglob("*")):
        if file.is_file():
            transport.push(file, f"{VECTORS}/{file.relative_to(vectors.folder).as_posix()}")
    done = transport.run(_CONFORM, timeout_s=RUN_TIMEOUT_S)
    if done.exit_code not in (0, VerificationError.exit_code):
        raise TargetError(
            f"{transport.address}: {PROGRAM} conform ended with {done.exit_code}: {done.last_words}"
        )
    return parse_conformance(done.stdout, vectors.index_sha256, vectors.names, transport.address)


def _result(
    address: str, prepared: Prepared, report: CoreReport, info: DeviceInfo, run: Run
) -> Result:
    found = identify(info, report.seen)
    measured = device(info, found)
    return Result(
        provenance=found.provenance,
        tool=Tool(
            name=PROGRAM,
            version=__version__,
            core_bitstream_version=report.bitstream,
            core_kernels=report.kernels,
            compiler=report.compiler,
        ),
        device=measured,
        bundle=prepared.bundle,
        workload=prepared.workload,
        target=address.partition(":")[0] if info.platform == "android" else address,
        profile=profile.matching(measured),
        runs=(run,),
        notes=tuple(f"not identified as a device: {reason} is missing" for reason in found.missing),
    )


def device(info: DeviceInfo, found: Identity) -> Device:
    """What a device says of itself, with the evidence, as a result holds it."""
    return Device(
        model=info.model,
        manufacturer=info.manufacturer,
        soc=info.soc,
        architecture=info.architecture,
        cpu=info.cpu,
        cpu_count=info.cpu_count,
        memory_bytes=info.memory_bytes,
        os=info.os,
        os_version=info.os_version,
        os_build=info.os_build,
        identified_by=found.evidence,
        emulator_markers=found.markers,
    )


def _run(
    job: Job, prepared: Prepared, report: CoreReport, before: Conditions, after: Conditions
) -> Run:
    size = 3 * prepared.workload.width * prepared.workload.height
    return Run(
        runtime=RUNTIME,
        runtime_version=f"libpico {report.bitstream}, {report.kernels}",
        accelerator_requested="cpu",
        accelerator_observed="cpu",
        accelerator_evidence="the core is a program for the CPU; no accelerator takes part",
        covers=Covers.CORE,
        ran_elsewhere={Phase.ANALYSIS: prepared.made_by, Phase.SYNTHESIS: NOT_RUN},
        threads=1,
        load=Load(cold_ns=report.load_ns[0], cold_means=COLD, warm_ns=report.load_ns[1:]),
        encode=report.encode,
        decode=report.decode,
        stream_bytes=report.stream_bytes,
        memory=Memory(
            peak_bytes=report.peak_memory_bytes,
            method=f"ru_maxrss; two pictures of {size} bytes are inside",
        ),
        conditions_before=before,
        conditions_after=after,
        hashes=Hashes(
            emitted_symbols_sha256=prepared.emitted_symbols_sha256,
            decoded_symbols_sha256=report.decoded_symbols_sha256,
            stream_sha256=report.stream_sha256,
        ),
        warm_up_iterations=job.warm_up_iterations,
        notes=(
            "one thread; latency is the sum of the core's phases, nothing overlaps",
            "pixels_in and pixels_out work on a pattern of the photo's size, which they gave back "
            "unchanged",
        ),
    )
