"""What every test may use: the real sample files, and one plain face."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real sample files; tests that need them say so when it is absent."""
    folder = Path(os.environ.get("DFECS_SAMPLES", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real samples not found at {folder}; set DFECS_SAMPLES to a folder that holds them")
    return folder
