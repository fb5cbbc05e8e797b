"""What every test may use: the checkout, the real sample files, and one real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes tells of the machine, not of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ROOT = Path(__file__).parents[1]

ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Fixtures hold no examples; several files of this name would be taken for one module.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]


def chromium() -> str | None:
    """The browser: $CHROMIUM, or one on the path."""
    given = os.environ.get("CHROMIUM")
    return given or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder, to be named in PYTHONPATH, into which the library's wheel is installed, alone."""
    pytest.importorskip("hatchling", reason="the wheel is built with hatchling (the extra test)")
    made, target = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(made), str(root)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = made.glob("dfecs_lib-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True, capture_output=True)
    return target


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real sample files; tests that need them say so when it is absent."""
    folder = Path(os.environ.get("DFECS_SAMPLES", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real samples not found at {folder}; set DFECS_SAMPLES to a folder that holds them")
    return folder


@pytest.fixture(scope="session")
def browser():
    """A headless chromium: one for all tests of a process, since playwright allows one."""
    path = chromium()
    if path is None:
        pytest.skip("no chromium found: install one (apt-get install chromium), or set CHROMIUM to it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield running
        running.close()
