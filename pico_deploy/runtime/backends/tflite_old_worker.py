"""The far side of ``tflite_old.py``: runs in a Python that has tflite-runtime and NumPy 1, and
imports nothing of this project. ``tflite_old_worker.py MODEL INPUTS OUTPUTS``, names by commas.
"""

import io
import os
import struct
import sys
from typing import Any, BinaryIO, Optional

import numpy as np
from tflite_runtime.interpreter import Interpreter


def receive(pipe: BinaryIO) -> Optional[Any]:  # noqa: UP045 - old Pythons run this
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


def main() -> None:
    """Answer every set of inputs with a set of outputs, until the input ends."""
    # TensorFlow Lite writes to standard output; only arrays may go there.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        interpreter = Interpreter(sys.argv[1], num_threads=1)
        interpreter.allocate_tensors()
        indices = {
            detail["name"]: detail["index"]
            for detail in (*interpreter.get_input_details(), *interpreter.get_output_details())
        }
        inputs, outputs = (names.split(",") for names in sys.argv[2:4])
        out.write(b"ready\n")
        out.flush()
        while True:
            for name in inputs:
                array = receive(sys.stdin.buffer)
                if array is None:
                    return
                interpreter.set_tensor(indices[name], array)
            interpreter.invoke()
            for name in outputs:
                send(out, interpreter.get_tensor(indices[name]))
            out.flush()


if __name__ == "__main__":
    main()
