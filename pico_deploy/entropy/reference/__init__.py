"""The normative text of docs/bitstream.md as NumPy: written to be read, and to check the core
against.

Nothing here is shared with the core or fast; everything is bit-identical with it, which tests
assert.
"""

from pico_deploy.entropy.reference.file import Header, decode_file, encode_file, parse
from pico_deploy.entropy.reference.network import scale_indices

__all__ = ["Header", "decode_file", "encode_file", "parse", "scale_indices"]
