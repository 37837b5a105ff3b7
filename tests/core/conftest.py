"""Fixtures of the core's tests."""

from __future__ import annotations

import pytest
from coded_image import Coded, coded_image


@pytest.fixture(scope="session")
def coded() -> Coded:
    return coded_image()
