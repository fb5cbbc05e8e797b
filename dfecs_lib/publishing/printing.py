"""From a page to paper: a PDF made by the browser that is here, without TeX."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import whole_file

__all__ = ["find_chromium", "write_pdf"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_ON_MACOS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
_PATIENCE = 600.0  # seconds; a book of three hundred pages takes one minute


def find_chromium() -> str | None:
    """Return a browser that can print: ``$CHROMIUM``, or a Chromium, Chrome or Edge of this machine, or None."""
    given = os.environ.get("CHROMIUM")
    if given:
        return given
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return found or (_ON_MACOS if Path(_ON_MACOS).exists() else None)


def write_pdf(page: Path, target: Path, browser: str) -> Path:
    """Print an HTML file to a PDF, whole or not at all.

    Parameters
    ----------
    page, target : Path
    browser : str
        See `find_chromium`.

    Raises
    ------
    DfecsError
        If the browser cannot be started, fails or takes longer than ten minutes.
    """
    with tempfile.TemporaryDirectory(prefix="dfecs-print-") as folder:
        made = Path(folder) / "book.pdf"
        # A profile of its own, or a running browser would take the order and do nothing. Time is virtual: the page is
        # printed when its formulas are drawn, however long that takes.
        command = [browser, "--headless", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder}/profile"]
        command += ["--no-pdf-header-footer", "--virtual-time-budget=120000", f"--print-to-pdf={made}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")  # it refuses to start for root with it
        try:
            done = subprocess.run(
                [*command, page.resolve().as_uri()], capture_output=True, text=True, timeout=_PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DfecsError(f"{browser} could not print {page}: {error}") from error
        if done.returncode or not made.is_file():
            said = done.stderr.strip().splitlines()
            raise DfecsError(f"{browser} could not print {page}: {said[-1] if said else 'it made no file'}")
        with whole_file(target) as partial:
            shutil.move(made, partial)
    return target
