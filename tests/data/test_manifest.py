"""The manifest: found by rule, every slip named, paths overridable; and fetching over real HTTP and real pip."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from dfecs_lib.data.checking import check
from dfecs_lib.data.fetching import fetch
from dfecs_lib.data.manifest import State, load_manifest, state
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.schemes import SCHEMES

COMMON = {"title": "t", "kind": "open", "licence": "MIT", "citation": "c", "how": "h", "reader": "video"}


@pytest.fixture(autouse=True)
def _no_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*load_manifest(), "data"]:
        monkeypatch.delenv("DFECS_" + name.upper().replace("-", "_"), raising=False)


def write(folder: Path, **datasets: object) -> Path:
    path = folder / "manifest.yaml"
    path.write_text(yaml.safe_dump({"datasets": {n.replace("_", "-"): d for n, d in datasets.items()}}))
    return path


def test_the_project_manifest_is_whole(root: Path) -> None:
    manifest = load_manifest(root / "data_manifest.yaml")
    wanted = {
        "disfa",
        "ckplus",
        "bp4d",
        "ravdess",
        "facs-exemplars",
        "frontalization-weights",
        "clips",
        "ravdess-small",
        "krsl",
    }
    assert wanted | {"sim-disfa", "sim-ckplus", "sim-bp4d", "sim-subtle"} == set(manifest)
    for entry in manifest.values():
        assert entry.scheme in {*SCHEMES, None}
        assert entry.licence
        assert entry.citation
        assert entry.how
        if entry.kind == "open":
            assert entry.downloads
        if entry.kind == "licensed":
            assert entry.variable in entry.how
    assert len(manifest["disfa"].subject_names) == manifest["disfa"].expected["subjects"] == 27
    assert len(manifest["bp4d"].subject_names) == manifest["bp4d"].expected["subjects"] == 41


def test_the_manifest_is_found_from_anywhere(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_manifest().path == root / "data_manifest.yaml"
    assert load_manifest()["clips"].path == root / "data" / "clips"
    own = write(tmp_path, mine=COMMON).rename(tmp_path / "data_manifest.yaml")
    assert load_manifest().path == own
    assert load_manifest("data_manifest.yaml")["mine"].path == tmp_path / "data" / "mine"
    monkeypatch.setenv("DFECS_DATA", str(tmp_path / "store"))
    assert load_manifest()["mine"].path == tmp_path / "store" / "mine"
    monkeypatch.setenv("DFECS_MINE", str(tmp_path / "elsewhere"))
    assert load_manifest()["mine"].path == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"licences": "MIT"}, "unknown keys licences"),
        ({"title": None}, "lacks title"),
        ({"kind": "free"}, "kind is 'free'"),
        ({"expected": {"subject": 3}}, "unknown keys subject"),
        ({"expected": {"subject_names": ["S 1"]}}, "item 1: 'S 1' is not a name or a range of names"),
        ({"expected": {"subject_names": ["S1-T2"]}}, "no range of names"),
        ({"expected": {"subjects": "27"}}, "expected, subjects must hold a whole number, not '27'"),
        ({"options": [1]}, "options must hold keys and values"),
        ({"title": 5, "kind": "free"}, "kind is 'free', .*; .*title must hold text, not 5"),
        ({"path": "a/../../elsewhere"}, "leads out of the data folder .* absolute path or set DFECS_MINE"),
        (
            {"download": {"method": "ftp", "source": "x"}},
            "download, method is 'ftp', not one of url, zip-members, pip, npm, git",
        ),
        ({"download": {"method": "pip"}}, "download lacks source"),
        ({"download": {"method": "url", "source": "x"}}, "download lacks checksum"),
        ({"download": {"method": "url", "source": "x", "checksum": "md5:0"}}, "'md5:0' is not a checksum such as md5"),
        ({"download": {"method": "url", "source": "x", "hash": "y"}}, "unknown keys hash"),
        (
            {"download": {"method": "url", "source": "http://a.org/x", "checksum": "md5:" + "0" * 32}},
            "begins with https",
        ),
        ({"download": {"method": "pip", "source": "git+https://a.org/x"}}, "is not a package and its version"),
        ({"download": {"method": "pip", "source": "--index-url=https://a.org"}}, "is not a package and its version"),
        ({"download": {"method": "npm", "source": "git+https://a.org/x"}}, "is not a package and its version"),
        ({"download": {"method": "git", "source": "ext::sh", "commit": "0" * 40, "members": "a"}}, "an https address"),
        ({"files": [{"name": "a"}]}, "files, item 1 lacks sha256, size"),
        ({"files": [{"name": "../a", "sha256": "0", "size": 1}]}, "bare file name"),
    ],
)
def test_slips_are_named(tmp_path: Path, change: dict, words: str) -> None:
    with pytest.raises(DfecsError, match=words) as caught:
        load_manifest(write(tmp_path, mine=COMMON | change))
    assert "'mine'" in str(caught.value)


def test_manifests_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DfecsError, match="no such manifest"):
        load_manifest(tmp_path / "absent.yaml")
    bomb = "\n".join(f"a{k + 1}: &a{k + 1} [{', '.join([f'*a{k}'] * 9)}]" for k in range(9))
    for text, words in [
        ("a: [", "line 1: not a readable YAML"),
        ("- 1", "must hold keys"),
        ("sets: {}", "unknown keys sets"),
        (f"a0: &a0 x\n{bomb}", r"line 2: not a readable YAML file \(the alias \*a0 is refused"),
        ("[" * 5000, "nested too deeply"),
    ]:
        (tmp_path / "m.yaml").write_text(text)
        with pytest.raises(DfecsError, match=words):
            load_manifest(tmp_path / "m.yaml")
    with pytest.raises(DfecsError, match=r"no dataset 'dissfa' .* known: disfa"):
        load_manifest()["dissfa"]


# --- fetching: a real server on this machine ------------------------------------------------------------------------


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; a path below /short/ announces more bytes than it sends, as a broken line does."""

    requests: list[str] = []

    def log_message(self, format: str, *args: object) -> None:
        self.requests.append(self.path)

    def do_GET(self) -> None:
        if not self.path.startswith("/short/"):
            super().do_GET()
            return
        body = (Path(self.directory) / Path(self.path).name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.log_message("")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "served"
    folder.mkdir()
    Handler.requests.clear()
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}", folder
        httpd.shutdown()
        thread.join()


def archive(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as zipped:
        for name, text in members.items():
            zipped.writestr(name.replace("__", "/"), text * 1000)
    return path


def known(name: str, text: str) -> dict[str, object]:
    data = (text * 1000).encode()
    return {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def entry_for(tmp_path: Path, url: str, zipped: Path, checksum: str | None = None):
    md5 = checksum or hashlib.md5(zipped.read_bytes()).hexdigest()
    download = {"method": "url", "source": url, "checksum": f"md5:{md5}", "unpack": True}
    files = [known("a.txt", "a"), known("b.txt", "b")]
    return load_manifest(write(tmp_path, mine=COMMON | {"download": download, "files": files}))["mine"]


def test_fetch_downloads_verifies_unpacks_and_does_it_once(server: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = server
    zipped = archive(folder / "data.zip", **{"a.txt": "a", "b.txt": "b", "more__c.txt": "c"})
    entry = entry_for(tmp_path, f"{url}/data.zip", zipped)
    assert state(entry) is State.ABSENT
    path = fetch(entry, progress=False)
    assert path == tmp_path / "data" / "mine"
    assert (path / "more" / "c.txt").read_text() == "c" * 1000
    assert state(entry) is State.READY
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["mine"]  # nothing half-way is left
    assert fetch(entry, progress=False) == path
    assert len(Handler.requests) == 1


def test_fetch_repairs_a_damaged_folder_and_leaves_other_files(server: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = server
    entry = entry_for(tmp_path, f"{url}/data.zip", archive(folder / "data.zip", **{"a.txt": "a", "b.txt": "b"}))
    path = fetch(entry, progress=False)
    (path / "a.txt").write_text("A" * 1000)  # same size, other content
    (path / "notes.txt").write_text("mine")
    fetch(entry, progress=False)
    assert (path / "a.txt").read_text() == "a" * 1000
    assert (path / "notes.txt").read_text() == "mine"


def test_two_fetches_at_once(server: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = server
    entry = entry_for(tmp_path, f"{url}/data.zip", archive(folder / "data.zip", **{"a.txt": "a", "b.txt": "b"}))
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: fetch(entry, progress=False), range(4))) == {entry.path}
    assert check(entry).ok
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["mine"]


def test_fetches_that_end_while_others_begin(server: tuple[str, Path], tmp_path: Path) -> None:
    zipped = archive(server[1] / "data.zip", **{"a.txt": "a"})
    entry = entry_for(tmp_path, "http://127.0.0.1:9/data.zip", zipped)  # nobody listens there

    def refused(_: int) -> str:
        with pytest.raises(DfecsError) as caught:
            fetch(entry, progress=False)
        return str(caught.value)

    with ThreadPoolExecutor(8) as pool:
        assert all("did not come down" in message for message in pool.map(refused, range(200)))


def test_wrong_checksum_keeps_nothing(server: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = server
    zipped = archive(folder / "data.zip", **{"a.txt": "a", "b.txt": "b"})
    with pytest.raises(DfecsError, match=r"has not the md5 0{32}; nothing was kept"):
        fetch(entry_for(tmp_path, f"{url}/data.zip", zipped, "0" * 32), progress=False)
    assert not (tmp_path / "data" / "mine").exists()
    assert fetch(entry_for(tmp_path, f"{url}/data.zip", zipped), progress=False).is_dir()


def test_interrupted_download_starts_anew(server: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = server
    zipped = archive(folder / "data.zip", **{"a.txt": "a", "b.txt": "b"})
    with pytest.raises(DfecsError, match="did not come down"):
        fetch(entry_for(tmp_path, f"{url}/short/data.zip", zipped), progress=False)
    assert not (tmp_path / "data" / "mine").exists()
    killed = tmp_path / "data" / ".mine.part-killed"
    killed.mkdir()
    (killed / "data.zip").write_bytes(b"half")
    for path in (killed / "data.zip", killed):
        os.utime(path, (0, 0))
    assert fetch(entry_for(tmp_path, f"{url}/data.zip", zipped), progress=False).is_dir()
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["mine"]


def test_what_the_network_says_no_to(server: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = server
    zipped = archive(folder / "data.zip", **{"a.txt": "a"})
    with pytest.raises(DfecsError, match=r"did not come down \(404"):
        fetch(entry_for(tmp_path, f"{url}/none.zip", zipped), progress=False)
    with pytest.raises(DfecsError, match="did not come down"):
        fetch(entry_for(tmp_path, "http://127.0.0.1:9/data.zip", zipped), progress=False)
    with pytest.raises(DfecsError, match=r"b\.txt is missing .*nothing was kept"):
        fetch(entry_for(tmp_path, f"{url}/data.zip", zipped), progress=False)
    (folder / "data.zip").write_bytes(b"PK no zip at all")
    with pytest.raises(DfecsError, match="not a readable zip archive"):
        fetch(entry_for(tmp_path, f"{url}/data.zip", folder / "data.zip"), progress=False)
    assert not (tmp_path / "data" / "mine").exists()


@pytest.mark.parametrize("member", ["../evil.txt", "/evil.txt", "a/../../evil.txt", "link"])
def test_archives_that_reach_outside_write_nothing_there(server: tuple[str, Path], tmp_path: Path, member: str) -> None:
    url, folder = server
    with zipfile.ZipFile(folder / "data.zip", "w") as zipped:
        for name in "ab":
            zipped.writestr(f"{name}.txt", name * 1000)
        info = zipfile.ZipInfo(member)
        info.external_attr = (0o120777 if member == "link" else 0o100644) << 16
        zipped.writestr(info, str(tmp_path / "evil.txt"))
    path = fetch(entry_for(tmp_path, f"{url}/data.zip", folder / "data.zip"), progress=False)
    assert [p.relative_to(path) for p in tmp_path.rglob("evil.txt") if not p.is_relative_to(path)] == []
    assert not any(p.is_symlink() for p in path.rglob("*"))


def test_what_cannot_be_fetched_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DFECS_DATA", str(tmp_path))
    with pytest.raises(DfecsError, match=r"disfa cannot be fetched .*DFECS_DISFA"):
        fetch(load_manifest()["disfa"])
    with pytest.raises(DfecsError, match="nothing to fetch"):
        fetch(load_manifest()["sim-disfa"])


def test_a_folder_of_ones_own_must_hold_the_files(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFECS_CLIPS", str(samples))
    with pytest.raises(DfecsError, match=r"DFECS_CLIPS says where clips is, but franck.mp4 is missing"):
        fetch(load_manifest()["clips"], progress=False)
    monkeypatch.setenv("DFECS_CLIPS", str(tmp_path / "none"))
    with pytest.raises(DfecsError, match=r"DFECS_CLIPS says where clips is, but .* is no folder"):
        fetch(load_manifest()["clips"], progress=False)


def test_a_manifest_without_datasets_or_with_a_scheme_nobody_knows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.yaml").write_text("# nothing yet\n")
    with pytest.raises(DfecsError, match=r"manifest\.yaml: must hold keys and values"):
        load_manifest(tmp_path / "manifest.yaml")
    with pytest.raises(DfecsError, match=r"dataset 'mine': unknown keypoint scheme 'ibug'; known: ibug68"):
        load_manifest(write(tmp_path, mine={**COMMON, "scheme": "ibug"}))
