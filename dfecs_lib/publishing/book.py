"""The book: a profile's notebooks are run, jupyter-book makes the pages, and only a whole book is put in place."""

from __future__ import annotations

import functools
import glob
import hashlib
import http
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import yaml

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import clear_stale, read_yaml, replace_folder, shipped, whole_file
from dfecs_lib.publishing.runs import Profile, Run, load_profile, run_profile

__all__ = ["BookError", "build_book", "serve"]

_PAGES = "notebooks"  # where the book's table of contents expects executed notebooks
_RESULTS = "results"
_SOURCES = ("book/_config.yml", "book/_toc.yml", "notebooks/profiles.yaml")
_SMALL = 50_000_000  # bytes that are fetched without being asked for
# What turns the sources into pages.
_TOOLS = ("jupyter-book", "sphinx", "myst-nb", "sphinx-book-theme", "plotly")


class BookError(DfecsError):
    """The pages could not be made; the message quotes the first complaints and names the log."""

    exit_code = 1


def build_book(
    profile: str = "demo",
    *,
    root: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    runs: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    printable: bool = False,
    report: Callable[[str], None] | None = None,
) -> Path:
    """Run a profile's notebooks and build the book from them.

    Parameters
    ----------
    profile : str
        A name in ``notebooks/profiles.yaml``.
    root : path, optional
        The folder that holds ``book/`` and ``notebooks/``; by default the current folder if it does, else what comes
        with the library.
    out : path, optional
        Folder for built books, by default ``_site`` in the root that was given, else in the current folder.
    runs : path, optional
        Folder for runs, by default ``.runs`` there.
    n_jobs : int, optional
        Notebooks at a time; by default one for each core.
    printable : bool
        Make one page of all chapters, to be printed, instead of a site.
    report : callable, optional
        Is given a line at each step.

    Returns
    -------
    Path
        ``<out>/<profile>/html/index.html``, or ``<out>/<profile>/print/index.html`` for the printable page. An
        earlier book stays there until the new one is whole, and is kept where nothing that pages are made of has
        changed.

    Raises
    ------
    RunFailedError
        If a notebook failed.
    BookError
        If jupyter-book complained: any warning counts.
    DfecsError
        If the folder holds no book, the profile is unknown, or data that it needs are not on this machine.
    """
    here = Path() if root is None else Path(root)
    base = here if root is not None or all((here / needed).is_file() for needed in _SOURCES) else shipped()
    for needed in _SOURCES:
        if not (base / needed).is_file():
            raise DfecsError(f"{base / needed}: no such file; name a folder with book/ and notebooks/ by --root")
    if find_spec("jupyter_book") is None:
        raise DfecsError(
            "the book needs the package 'jupyter-book', which is not installed: pip install 'dfecs_lib[book]'"
        )
    site = Path(out) if out is not None else here / "_site"
    chosen = load_profile(profile, base.resolve() / "notebooks" / "profiles.yaml")
    check_data(chosen, report, here)
    kept = here / ".runs" if runs is None else Path(runs)
    done = run_profile(chosen, runs=kept.resolve(), folder=here, n_jobs=n_jobs, report=report)
    work = site / f".{profile}.{os.getpid()}"
    clear_stale(site, f".{glob.escape(profile)}.*")
    shutil.rmtree(work, ignore_errors=True)
    try:
        _stage(base / "book", work / "book", done)
        about = json.dumps({"name": chosen.name, "title": chosen.title})
        (work / "book" / "profile.json").write_text(about, encoding="utf-8")  # for the pages to say which book they are
        target = site / profile / ("print" if printable else "html")
        stamp, key = target.with_suffix(".key"), _key(work / "book", printable)
        if (target / "index.html").is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == key:
            if report is not None:
                report("the pages: unchanged")
            return target / "index.html"
        if report is not None:
            report("building the printable page" if printable else "building the pages")
        pages = _make_pages(work, site / f"{profile}.log", "singlehtml" if printable else "html")
        stamp.unlink(missing_ok=True)  # first: should this be its last step, no other pages may go by it
        replace_folder(pages, target)
        with whole_file(stamp) as partial:
            partial.write_text(key, encoding="utf-8")
        return target / "index.html"
    except OSError as error:
        raise DfecsError(f"{site}: the book cannot be written here ({error.strerror or error})") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check_data(profile: Profile, report: Callable[[str], None] | None = None, folder: Path | None = None) -> None:
    """Fetch what of a profile's data may be fetched and is small; say how to get the rest before anything is run.

    Raises
    ------
    DfecsError
        If licensed or large data are missing that the profile needs. Open ones that cannot be fetched are done
        without: the pages that need them say so.
    """
    from dfecs_lib.data.fetching import fetch
    from dfecs_lib.data.manifest import State, load_manifest, state

    own = (folder or Path()) / "data_manifest.yaml"
    known = load_manifest(own.resolve() if own.is_file() else None)
    for name in [*profile.data, *profile.optional]:
        entry = known[name]
        if state(entry) in (State.READY, State.BUILT_IN):
            continue
        if entry.downloads and sum(download.size for download in entry.downloads) <= _SMALL:
            if report is not None:
                report(f"fetching {name}")
            try:
                fetch(entry, progress=False)
            except DfecsError as error:
                if report is not None:
                    report(f"{error}; what needs it is shown as not run")
        elif name in profile.data:
            raise DfecsError(f"the profile {profile.name!r} needs {name}, which is not on this machine: {entry.how}")
        elif report is not None:
            report(f"{name} is not on this machine: what needs it is shown as not run")


def _stage(book: Path, target: Path, runs: dict[str, Run]) -> None:
    """Put the book's sources, the executed notebooks and their results side by side."""
    shutil.copytree(book, target, ignore=shutil.ignore_patterns("_build", "__pycache__", ".*"))
    (target / _PAGES).mkdir(exist_ok=True)
    for name, run in runs.items():
        shutil.copyfile(run.notebook, target / _PAGES / f"{name}.ipynb")
        shutil.copytree(run.results, target / _RESULTS / name)
    toc_file = target / "_toc.yml"
    toc = read_yaml(toc_file)
    listed: set[str] = set()
    toc_file.write_text(yaml.safe_dump(_without_absent(toc, target, listed), sort_keys=False), encoding="utf-8")
    forgotten = [name for name in runs if f"{_PAGES}/{name}" not in listed]
    if forgotten:
        raise BookError(f"{book / '_toc.yml'}: lists no page for {', '.join(forgotten)}")


def _without_absent(node: object, target: Path, listed: set[str]) -> object:
    """Return a table of contents without the notebooks that this profile has not run."""
    if isinstance(node, list):
        kept = [_without_absent(item, target, listed) for item in node]
        return [item for item in kept if item is not None]
    if isinstance(node, dict):
        page = str(node.get("file", ""))
        listed.add(page)
        if page.startswith(f"{_PAGES}/") and not any(target.glob(f"{page}.*")):
            return None
        whole = {key: _without_absent(value, target, listed) for key, value in node.items()}
        return {key: value for key, value in whole.items() if value != []}  # a page may lose all that stood under it
    return node


def _key(staged: Path, printable: bool) -> str:
    """Return a hash of what pages are made of: sources, runs, library, what pages read of the checkout, tools."""
    library = Path(__file__).parents[1]
    others = [shipped("CHANGELOG.md"), shipped("data_manifest.yaml"), *sorted(shipped("benchmarks").rglob("*.json"))]
    others += sorted(file for file in library.rglob("*") if "__pycache__" not in file.parts)
    total = hashlib.sha256(f"{printable}".encode())
    for package in _TOOLS:
        total.update(f"{package} {metadata.version(package)}\n".encode())
    for file in [*sorted(staged.rglob("*")), *others]:
        if file.is_file():
            name = file.relative_to(staged).as_posix() if file.is_relative_to(staged) else file.name
            total.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _make_pages(work: Path, log: Path, builder: str) -> Path:
    # -W -n --keep-going: every warning is collected, a broken cross-reference is one, and any makes it fail.
    code = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "build", str(work / "book"), "--path-output", str(work)]
    command += ["--builder", builder]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "NO_COLOR": "1"}
    done = subprocess.run(
        [*command, "-W", "-n", "--keep-going"], capture_output=True, text=True, env=environment, check=False
    )
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).replace(f"{(work / 'book').resolve()}{os.sep}", "")
    html = work / "_build" / builder
    if done.returncode or not (html / "index.html").is_file():
        log.write_text(said, encoding="utf-8")
        complaints = [line.strip() for line in said.splitlines() if re.search(r"WARNING|ERROR|Error:", line)]
        first = " | ".join(dict.fromkeys(complaints[:3])) or said.strip()[-300:]
        raise BookError(f"the pages were not built: {first}; {log} has everything")
    log.unlink(missing_ok=True)
    return html


def serve(folder: Path, port: int = 8000, report: Callable[[str], None] | None = None) -> None:
    """Serve a built book to this machine alone, until interrupted; 0 takes any free port."""
    handler = functools.partial(_Site, directory=str(folder))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise DfecsError(f"port {port} cannot be used ({error.strerror}); name another with --serve PORT") from error
    with server:
        if report is not None:
            report(f"http://127.0.0.1:{server.server_port}/ (Ctrl-C stops)")
        server.serve_forever()


class _Site(http.server.SimpleHTTPRequestHandler):
    def send_head(self) -> io.BytesIO | BinaryIO | None:
        # A link in the folder may lead anywhere on this machine; only what lies in the folder is served.
        if not Path(self.translate_path(self.path)).resolve().is_relative_to(Path(self.directory).resolve()):
            self.send_error(http.HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def log_message(self, format: str, *args: object) -> None:  # a line a request is of no use to a reader
        pass
