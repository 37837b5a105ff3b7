"""Deploy learned image codecs to phones: convert, run, verify, measure."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("pico-deploy")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
