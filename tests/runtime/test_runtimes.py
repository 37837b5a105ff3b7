"""The real runtimes exchange streams: ONNX Runtime, TFLite and PyTorch, on files the converters
wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny_codec import contents, entropy_model, flat_blocks

from pico_deploy.bundle import BundleWriter
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.errors import BundleError, ModelMismatchError, UsageError
from pico_deploy.runtime.backend import BackendOptions
from pico_deploy.runtime.decode import decode, open_stream
from pico_deploy.runtime.encode import encode
from pico_deploy.runtime.observer import SymbolHash
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.picture import ArraySink
from pico_deploy.runtime.session import Session

pytestmark = pytest.mark.slow
RUNTIMES = ("onnx", "tflite", "torch")


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny codec's PyTorch form, converted to ONNX and TFLite."""
    pytest.importorskip("litert_torch")
    from tiny_torch import TinyTorch, save_weights

    from converters.export import export_part
    from converters.onnx import convert_onnx
    from converters.tflite import convert_tflite, lower

    folder = tmp_path_factory.mktemp("converted")
    codec = TinyTorch.load(save_weights(folder / "tiny.pt"))
    artefacts = []
    with BundleWriter(folder / "tiny.bundle") as writer:
        for part in ("analysis", "synthesis"):
            plain = export_part(codec, codec.parts("crd"), part, "nchw")
            artefacts.append(convert_onnx(plain, writer.folder))
            last = export_part(codec, codec.parts("dcr"), part, "nhwc")
            artefacts.append(convert_tflite(last, lower(last), "fp32", writer.folder))
        (writer.folder / "entropy.bin").write_bytes(to_bytes(entropy_model()))
        writer.seal(contents(tuple(artefacts)))
    return folder


@pytest.fixture
def real(converted: Path) -> Iterator[Session]:
    with Session.open(converted / "tiny.bundle") as session:
        yield session


def options(folder: Path) -> BackendOptions:
    return BackendOptions(weights=folder / "tiny.pt", codec="tiny_torch:TinyTorch")


@pytest.mark.parametrize("encoder", RUNTIMES)
def test_stream_of_each_runtime_decodes_on_every_other(
    real: Session, converted: Path, encoder: str
) -> None:
    source = ArrayPixels(flat_blocks(250, 130))
    emitted = SymbolHash()
    analysis = real.load("analysis", encoder, options=options(converted))
    stream = encode(source, real, analysis, 6, observer=emitted)
    pictures = []
    for runtime in RUNTIMES:
        received, sink = SymbolHash(), ArraySink()
        synthesis = real.load("synthesis", runtime, options=options(converted))
        decode(open_stream(stream, real), real, synthesis, sink, observer=received)
        assert received.hexdigest() == emitted.hexdigest()
        pictures.append(sink.pixels().astype(int))
    for picture in pictures[1:]:
        assert np.abs(picture - pictures[0]).max() <= 1


def test_tflite_records_which_library_runs_it(real: Session) -> None:
    from pico_deploy.runtime.backends.tflite import LIBRARIES

    report = real.load("synthesis", "tflite").report
    assert report.library in {distribution for distribution, _ in LIBRARIES}


def test_torch_refuses_a_checkpoint_the_bundle_was_not_made_of(
    real: Session, converted: Path, tmp_path: Path
) -> None:
    from tiny_torch import save_weights

    real.load("synthesis", "torch", options=options(converted))  # the control
    other = save_weights(tmp_path / "other.pt", factor=1.001)
    wrong = BackendOptions(weights=other, codec="tiny_torch:TinyTorch")
    with pytest.raises(ModelMismatchError, match="give the checkpoint it was converted from"):
        real.load("synthesis", "torch", options=wrong)


def test_torch_needs_a_checkpoint_when_the_bundle_names_no_preset(real: Session) -> None:
    with pytest.raises(UsageError, match="--weights"):
        real.load("synthesis", "torch")
    with pytest.raises(UsageError, match="--weights"):
        real.load("synthesis", "torch", options=BackendOptions(codec="tiny_torch:TinyTorch"))


def test_torch_computes_in_fp32_only(real: Session, converted: Path) -> None:
    with pytest.raises(BundleError, match="fp32"):
        real.load("synthesis", "torch", "fp16", options(converted))
