"""Errors of making an entropy model. Reading one in the core raises
`core_errors.EntropyModelError`."""

from __future__ import annotations

from pico_deploy.errors import ConversionError


class ModelBuildError(ConversionError):
    """An entropy model cannot be made from these weights, tables or sizes."""

    code = "bad-entropy-model"


class OverflowProofError(ModelBuildError):
    """An intermediate of the integer network could leave its type; nothing may be exported."""

    code = "overflow-proof-failed"
