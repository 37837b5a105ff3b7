"""The far side of ``process.py``: runs a model in another Python; imports nothing of this project.

``worker.py LIBRARY MODEL INPUTS OUTPUTS``: library ``tflite_runtime``, ``ai_edge_litert`` or
``onnxruntime``; names of tensors by commas. Arrays come and go as 8 bytes of length and what
``numpy.save`` writes.
"""

import io
import os
import struct
import sys
from typing import Any, BinaryIO, Callable, Dict, List, Optional  # noqa: UP035 - old Pythons run this

import numpy as np

Run = Callable[[Dict[str, Any]], List[Any]]  # noqa: UP006


def receive(pipe: BinaryIO) -> Optional[Any]:  # noqa: UP045
    """The next array, or None at the end; a pipe cannot seek, which ``numpy.load`` would."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    return np.load(io.BytesIO(pipe.read(*struct.unpack("<Q", head))), allow_pickle=False)


def send(pipe: BinaryIO, array: Any) -> None:
    """Length, then what ``numpy.save`` writes."""
    data = io.BytesIO()
    np.save(data, array, allow_pickle=False)
    pipe.write(struct.pack("<Q", data.tell()) + data.getvalue())


def load(library: str, model: str, outputs: List[str]) -> Run:  # noqa: UP006
    """A model as a function of arrays by name, on one thread."""
    if library == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
        return lambda feed: list(session.run(outputs, feed))
    if library == "ai_edge_litert":
        from ai_edge_litert.interpreter import Interpreter
    else:
        from tflite_runtime.interpreter import Interpreter
    interpreter = Interpreter(model, num_threads=1)
    interpreter.allocate_tensors()
    details = (*interpreter.get_input_details(), *interpreter.get_output_details())
    indices = {detail["name"]: detail["index"] for detail in details}

    def run(feed: Dict[str, Any]) -> List[Any]:  # noqa: UP006
        for name, array in feed.items():
            interpreter.set_tensor(indices[name], array)
        interpreter.invoke()
        return [interpreter.get_tensor(indices[name]) for name in outputs]

    return run


def main() -> None:
    """Answer every set of inputs with a set of outputs, until the input ends."""
    library, model = sys.argv[1:3]
    inputs, outputs = (names.split(",") for names in sys.argv[3:5])
    # Runtimes write to standard output what they like; only arrays may go there.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        run = load(library, model, outputs)
        out.write(b"ready\n")
        out.flush()
        while True:
            feed = {}
            for name in inputs:
                array = receive(sys.stdin.buffer)
                if array is None:
                    return
                feed[name] = array
            for array in run(feed):
                send(out, array)
            out.flush()


if __name__ == "__main__":
    main()
