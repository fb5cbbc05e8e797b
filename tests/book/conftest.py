"""The demo book, built once by `dfecs book` of an installed library, and pages that note what goes wrong on them."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from dfecs_lib.data.fetching import fetch
from dfecs_lib.data.manifest import load_manifest
from dfecs_lib.errors import DfecsError


def fetched(name: str) -> bool:
    """Whether open data are on this machine, or can be had now."""
    try:
        fetch(load_manifest()[name], progress=False)
    except DfecsError:
        return False
    return True


def real_data(root: Path) -> dict[str, str]:
    """The environment with real data that lie beside the checkout, where they are not on this machine anyway."""
    environment = dict(os.environ)
    shared = root.parent / "shared" / "data"
    for name, folder in (("CLIPS", shared), ("KRSL", shared / "real" / "krsl")):
        if folder.is_dir() and not (name == "CLIPS" and fetched("clips")):
            environment.setdefault(f"DFECS_{name}", str(folder))
    return environment


@pytest.fixture(scope="session")
def book_environment(root: Path) -> dict[str, str]:
    """The environment that the demo book is built in."""
    return real_data(root)


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages: those in $DFECS_BOOK, else built from what a wheel brings, in a folder that holds nothing else.

    Runs are kept by their keys in .runs of the checkout, so that a second build takes seconds. Of several workers the
    first builds, and the others wait for its pages.
    """
    if os.environ.get("DFECS_BOOK"):
        return Path(os.environ["DFECS_BOOK"])
    mine = tmp_path_factory.getbasetemp()
    out = (mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine) / "site"
    index = out / "_site" / "demo" / "html" / "index.html"
    with FileLock(f"{out}.lock"):
        if not (out / "built").exists():
            build(out, root, request)
            (out / "built").touch()
    return index.parent


def build(out: Path, root: Path, request: pytest.FixtureRequest) -> None:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    (root / ".runs").mkdir(exist_ok=True)
    (out / ".runs").symlink_to(root / ".runs")
    command = [sys.executable, "-m", "dfecs_lib.cli", "book", "--profile", "demo"]
    environment = real_data(root) | {"PYTHONPATH": str(request.getfixturevalue("installed"))}
    done = subprocess.run(command, cwd=out, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="session")
def pages(site: Path) -> list[str]:
    """Every page of the book, relative to its front page."""
    found = sorted(p.relative_to(site).as_posix() for p in site.rglob("*.html") if "_static" not in p.parts)
    return [p for p in found if not p.startswith("results/")]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the book is served on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


class Watched:
    """A page and what went wrong on it: console errors, answers ≥ 400, requests to other hosts."""

    def __init__(self, page, address: str) -> None:
        self.page = page
        self.address = address
        self.problems: list[str] = []
        page.on("console", lambda m: self.problems.append(f"console: {m.text}") if m.type == "error" else None)
        page.on("pageerror", lambda e: self.problems.append(f"script: {e}"))
        page.on("request", self._on_request)
        page.on("response", lambda r: self.problems.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
        page.on("requestfailed", self._on_failure)

    def _on_request(self, request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.problems.append(f"asks elsewhere: {request.url}")

    def _on_failure(self, request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the reader went on to the next page before it came
            self.problems.append(f"failed: {request.url}")

    def open(self, path: str = "index.html", wait: str = "networkidle"):
        self.page.goto(self.address + path, wait_until=wait)
        return self.page


@pytest.fixture
def watch(browser, address):
    """A function that opens a watched page of a given width and colour scheme."""
    contexts = []

    def opened(width: int = 1280, scheme: str = "light", **options) -> Watched:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
        contexts.append(context)
        return Watched(context.new_page(), address)

    yield opened
    for context in contexts:
        context.close()
