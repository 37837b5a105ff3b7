"""``python -m … PROGRAM VECTORS [NAME…]``: run ``pico_conform`` for WASI in wasmtime, with VECTORS
as its only folder.
"""

from __future__ import annotations

import os
import sys

import wasmtime


def main() -> int:
    """Returns the program's exit code."""
    program, vectors, *names = sys.argv[1:]
    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    config = wasmtime.WasiConfig()
    config.argv = ["pico_conform", "/vectors", *names]
    config.env = [("PICO_CPU", os.environ.get("PICO_CPU", ""))]
    config.preopen_dir(vectors, "/vectors")
    config.inherit_stdout()
    config.inherit_stderr()
    store = wasmtime.Store(engine)
    store.set_wasi(config)
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, program))
    start = instance.exports(store)["_start"]
    assert isinstance(start, wasmtime.Func)
    try:
        start(store)
    except wasmtime.ExitTrap as ended:
        return int(ended.code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
