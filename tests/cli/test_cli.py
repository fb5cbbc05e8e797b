"""The commands as users type them. Bad input: one sentence on stderr, exit code 2, nothing written."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest

from dfecs_lib import __version__, keypoints
from dfecs_lib.cli.common import read_units
from dfecs_lib.cli.main import dfecs as program
from dfecs_lib.cli.main import main
from dfecs_lib.models.naming import unit_names

Say = Callable[..., tuple[int, str, str]]


def dfecs(*words: object, cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dfecs_lib.cli", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300, **options)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command in this process; the exit code, and what it printed."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="module")
def trained(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    done = dfecs("train", samples / "openface_sample.csv", "-o", "u.npz", "--n-units", 6, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 units explain" in done.stdout
    assert all(name in done.stdout for name in unit_names(read_units(str(folder / "u.npz"))))
    return folder / "u.npz"


def write_notebook(path: Path, source: str) -> None:
    cell = {"cell_type": "code", "execution_count": None, "outputs": []}
    cells = [
        {**cell, "id": "a", "metadata": {"tags": ["parameters"]}, "source": "n = 1"},
        {**cell, "id": "b", "metadata": {}, "source": source},
    ]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, out, err = result
    assert (code, out) == (2, ""), (code, out, err)
    assert err.startswith("dfecs: ")
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    for word in words:
        assert word in err, err


def test_every_command_has_help_with_an_example(say: Say) -> None:
    verbs = {"data": ["list", "check", "fetch"], "rate": ["build", "analyse"]}
    alone = ["track", "train", "encode", "evaluate", "report", "run", "book"]
    for words in ([], *([v] for v in (*verbs, *alone)), *([c, v] for c, vs in verbs.items() for v in vs)):
        code, out, err = say(*words, "--help")
        assert (code, err) == (0, "")
        assert " ".join(["Usage: dfecs", *words]) in out
        example = out.split("Example:\n")[1].split("&&")[0].split()
        assert example.pop(0) == "dfecs"
        command: click.Command = program
        while isinstance(command, click.Group):
            command = command.commands[example.pop(0)]
        assert command.make_context(None, example).params  # parsed without a complaint
    assert say("--version") == (0, f"dfecs {__version__}\n", "")


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, dfecs_lib.cli as c\n"
        "c.main(['train', '--help'])\n"
        "print([m for m in ('numpy', 'pandas', 'sklearn', 'matplotlib', 'papermill', 'dlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.filterwarnings("default:these faces were tracked by Py-Feat")
def test_train_then_encode_other_faces_then_evaluate(trained: Path, samples: Path, tmp_path: Path, say: Say) -> None:
    table = tmp_path / "codes.csv"
    done = dfecs("encode", trained, samples / "pyfeat_sample.csv", "-o", table, cwd=tmp_path)
    assert done.returncode == 0
    assert "tracked by Py-Feat, the units were learnt on OpenFace" in done.stderr
    codes = pd.read_csv(table, keep_default_na=False)
    assert list(codes.columns) == ["dataset", "subject", "recording", "frame", *(f"U0{k}" for k in range(1, 7))]
    assert len(codes) == 40
    values = codes.filter(like="U0").to_numpy(float)
    assert (values >= 0).all()
    assert (values > 0).any(axis=1).sum() == 39  # all but the neutral frame
    code, out, _ = say("encode", trained, samples / "pyfeat_sample.csv", "-o", tmp_path / "codes.parquet")
    assert code == 0
    stored = pd.read_parquet(tmp_path / "codes.parquet")
    assert np.allclose(stored.to_numpy(), values)
    assert stored.attrs["history"][0]["training"]["frames"] == 100
    words = stored.attrs["columns"]
    assert list(words) == list(stored.columns)
    assert len(set(words.values())) == len(words)
    assert list(words.values()) == unit_names(read_units(str(trained)))
    code, out, _ = say("evaluate", trained, samples / "openface_sample.csv", samples / "pyfeat_sample.csv", "--json")
    assert code == 0
    own, other, both = json.loads(out)
    assert own["variance_explained"] > 94
    assert (own["frames"], other["frames"], both["frames"], both["table"]) == (100, 40, 140, "all")
    assert min(own["variance_explained"], other["variance_explained"]) <= both["variance_explained"]
    code, out, _ = say("evaluate", trained, samples / "openface_sample.csv")
    assert "variance_explained" in out


def test_our_own_tables_folders_and_same_names(samples: Path, tmp_path: Path, say: Say) -> None:
    faces = pd.read_csv(samples / "pyfeat_sample.csv")
    table = faces[[f"{axis}_{k}" for axis in "xy" for k in range(68)]].to_numpy(float)
    for name, shift in (("a", 0.0), ("b", 25.0)):
        (tmp_path / name).mkdir()
        rows = table + shift
        rows[3] = np.nan  # a frame without a face
        keypoints.save(
            keypoints.make_table(rows, scheme="ibug68", frames=range(40), recording="clip"),
            tmp_path / name / "clip.parquet",
        )
    code, out, err = say("train", tmp_path, "-o", tmp_path / "u.npz", "--n-units", 3, "--neutral-frame", 5)
    assert (code, err) == (0, "")
    assert "78 frames, 2 recordings" in out
    code, out, err = say("encode", tmp_path / "u.npz", tmp_path / "a" / "clip.parquet", "-o", tmp_path / "c.parquet")
    assert (code, err) == (0, "")
    assert out.startswith("39 frames encoded in 3 units; frames without a face: 1.")
    codes = pd.read_parquet(tmp_path / "c.parquet")
    assert codes.index.get_level_values("frame").tolist() == list(range(40))
    assert codes.isna().all(axis=1).to_numpy().nonzero()[0].tolist() == [3]


def test_a_lab_says_which_file_shows_whom(samples: Path, tmp_path: Path, say: Say) -> None:
    lab = tmp_path / "lab"
    lab.mkdir()
    for name in ("P1_a", "P1_b", "P2_a"):
        (lab / f"{name}.csv").write_bytes((samples / "openface_sample.csv").read_bytes())
    code, out, err = say("train", lab, "-o", tmp_path / "u.npz", "--n-units", 3, "--names", "{subject}_{recording}")
    assert (code, err) == (0, "")
    assert "3 recordings, 2 subjects" in out
    say("encode", tmp_path / "u.npz", lab, "-o", tmp_path / "c.parquet", "--names", "{subject}_{recording}")
    index = pd.read_parquet(tmp_path / "c.parquet").index
    assert set(index.droplevel(["dataset", "frame"])) == {("P1", "a"), ("P1", "b"), ("P2", "a")}
    refused(say("evaluate", tmp_path / "u.npz", lab, "--names", "{subject}/{who}"), "{who}")
    (lab / "odd.csv").write_bytes((samples / "openface_sample.csv").read_bytes())
    done = dfecs("evaluate", tmp_path / "u.npz", lab, "--names", "{subject}_*", cwd=tmp_path)
    assert done.returncode == 0
    assert "1 of 4 files were passed over: odd.csv" in done.stderr
    refused(say("evaluate", tmp_path / "u.npz", lab, "--names", "{subject}_*", "--strict"), "odd.csv", "does not fit")


def test_a_second_face_is_not_passed_over_in_silence(samples: Path, trained: Path, tmp_path: Path) -> None:
    one = pd.read_csv(samples / "openface_sample.csv", skipinitialspace=True)
    both = pd.concat([one, one.head(50)])
    both = pd.concat([both, pd.Series([0] * 100 + [1] * 50, index=both.index, name="face_id")], axis=1)
    both.to_csv(tmp_path / "two.csv", index=False)
    done = dfecs("evaluate", trained, "two.csv", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == "dfecs: note: two.csv follows several faces (0, 1); face 0 was taken.\n"


def test_faces_that_cannot_be_registered_or_do_not_move(samples: Path, tmp_path: Path, say: Say) -> None:
    faces = pd.read_csv(samples / "pyfeat_sample.csv")
    columns = [f"{axis}_{k}" for axis in "xy" for k in range(68)]
    faces[columns].assign(x_33=np.nan, y_33=np.nan).to_csv(tmp_path / "noseless.csv", index=False)
    refused(say("train", tmp_path / "noseless.csv", "-o", tmp_path / "u.npz"), "recording noseless", "registered")
    faces.loc[[0] * 20, columns].to_csv(tmp_path / "still.csv", index=False)
    refused(say("train", tmp_path / "still.csv", "-o", tmp_path / "u.npz"), "no face moves")


def test_numbers_that_make_no_sense_are_refused_before_any_work(trained: Path, tmp_path: Path, say: Say) -> None:
    train = ("train", "x.csv", "-o", tmp_path / "u.npz")
    for words in (
        (*train, "--jobs", 0),
        (*train, "--neutral", "nonsense"),
        (*train, "--neutral", "first", "--neutral-frame", 3),
        ("track", "x.mp4", "-o", tmp_path / "t.parquet", "--jobs", 0),
        ("run", "x.ipynb", "--threads", 0),
        ("run", "x.ipynb", "--timeout", -1),
        ("book", "--jobs", 0),
        (*train, "--jobs", 2, "--dask", "tcp://127.0.0.1:8786"),
        ("rate", "build", trained, "-o", tmp_path / "study", "--catch", -1),
    ):
        refused(say(*words), "--", "shows how")
    refused(say("rate", "build", trained, "-o", trained), "is a file; name a folder")


def test_json_has_all_digits_and_plain_paths(samples: Path, trained: Path, say: Say) -> None:
    _, out, _ = say("evaluate", trained, samples / "openface_sample.csv", "--json")
    row = json.loads(out)[0]
    assert row["variance_explained"] != round(row["variance_explained"], 12)
    assert row["table"] == str(samples / "openface_sample.csv")
    assert "\\/" not in out


def test_progress_goes_to_stderr_and_says_what_is_done(samples: Path, tmp_path: Path, say: Say) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_bytes((samples / "openface_sample.csv").read_bytes())
    code, out, err = say("train", tmp_path, "-o", tmp_path / "u.npz", "--n-units", 2, "--progress")
    assert code == 0
    assert out.startswith("2 units explain")
    for stage in ("reading", "registering", "learning units from 200 frames"):
        assert stage in err


def test_bad_tables_and_outputs(samples: Path, trained: Path, tmp_path: Path, say: Say) -> None:
    good = samples / "openface_sample.csv"
    text = good.read_text()
    (tmp_path / "empty.csv").touch()
    (tmp_path / "header.csv").write_text(text.splitlines()[0] + "\n")
    (tmp_path / "cut.csv").write_text(text[: len(text) // 2 - 37])
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "columns.csv").write_text("a,b\n1,2\n")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1" + b"\0" * 50)
    (tmp_path / "folder.csv").mkdir()
    faces = pd.read_csv(good, skipinitialspace=True)
    faces["success"] = 0
    faces.to_csv(tmp_path / "noface.csv", index=False)
    before = snapshot(tmp_path)
    for name in ("empty", "header", "binary", "columns", "folder", "noface", "absent"):
        path = tmp_path / f"{name}.csv"
        refused(say("train", path, "-o", tmp_path / "u.npz"), str(path))
        refused(say("encode", trained, path, "-o", tmp_path / "c.csv"), str(path))
    done = dfecs("evaluate", trained, "cut.csv", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "dfecs: note: cut.csv: lines set aside: 1 cut off at the end\n")
    refused(say("evaluate", trained, tmp_path / "cut.parquet"), "cut.parquet")
    refused(say("train", tmp_path / "cut.parquet", good, "-o", tmp_path / "u.npz"), "cut.parquet")
    refused(say("train", good, good, "-o", tmp_path / "u.npz"), "named twice")
    refused(say("train", good, "-o", tmp_path / "no" / "u.npz"), "no such folder")
    refused(say("train", good, "-o", tmp_path), "is a folder")
    refused(say("train", good, "-o", tmp_path / "empty.csv" / "u.npz"), "no such folder")
    refused(say("train", good, "-o", tmp_path / "u.pickle"), ".npz")
    refused(say("encode", trained, good, "-o", tmp_path / "c.txt"), ".csv or .parquet")
    copy = tmp_path / "copy.csv"
    copy.write_text(text)
    refused(say("encode", trained, copy, "-o", copy), "input as well")
    copy.unlink()
    assert snapshot(tmp_path) == before


def test_bad_models_and_options(samples: Path, trained: Path, tmp_path: Path, say: Say) -> None:
    good = samples / "openface_sample.csv"
    (tmp_path / "cut.npz").write_bytes(trained.read_bytes()[:3000])
    (tmp_path / "text.npz").write_text("no model")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "pickle.npz", a=np.array([{}], dtype=object), allow_pickle=True)
    before = snapshot(tmp_path)
    for name in ("cut", "text", "other", "pickle", "absent"):
        refused(say("encode", tmp_path / f"{name}.npz", good, "-o", tmp_path / "c.csv"), f"{name}.npz")
    output = ("-o", tmp_path / "u.npz")
    refused(say("train", good, *output, "--n-units", 0), "n_units")
    refused(say("train", good, *output, "--variance", 1.5), "variance")
    refused(say("train", good, *output, "--neutral-frame", 5000), "5000")
    refused(say("train", good, *output, "--scheme", "ibug69"), "ibug69")
    refused(say("train", good, *output, "--weights", tmp_path / "text.npz"), "text.npz")
    refused(say("train", good, *output, "--unit", 3), "--unit")
    for address in ("nonsense", "http://127.0.0.1:80", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "none.json"):
        refused(say("train", good, *output, "--dask", address), address, "scheduler")
    refused(say("train", good), "'-o' / '--output'")
    refused(say("teach"), "teach")
    refused(say("data", "check", "disfaa"), "disfaa")
    refused(say("data", "list", "--manifest", tmp_path / "text.npz"), "text.npz")
    refused(say("run", tmp_path / "text.npz"), "not a Jupyter notebook")
    refused(say("book", "--root", tmp_path), "no such file")
    assert snapshot(tmp_path) == before


def test_track_writes_a_table_and_refuses_what_is_no_video(samples: Path, tmp_path: Path, say: Say) -> None:
    from PIL import Image

    from dfecs_lib.tracking import open_media

    (tmp_path / "face").mkdir()
    frame = next(open_media(samples / "single_face.mp4").frames())
    for number in range(2):
        Image.fromarray(frame).save(tmp_path / "face" / f"{number}.png")
    words = ("track", tmp_path / "face", "-o", tmp_path / "f.parquet", "--confidence", tmp_path / "c.csv")
    code, out, err = say(*words, "--cache", tmp_path / "cache", "--subject", "S")
    assert (code, err) == (0, "")
    assert out.startswith("S/face: face in 100 % of 2 frames; eyes ")
    assert out.endswith("; neutral frame 0\n") or out.endswith("; neutral frame 1\n")
    assert keypoints.load(tmp_path / "f.parquet").index[0] == ("", "S", "face", 0)
    assert (pd.read_csv(tmp_path / "c.csv")["confidence"] > 0).all()
    (tmp_path / "text.mp4").write_text("no video")
    before = snapshot(tmp_path)
    refused(say("track", tmp_path / "text.mp4", "-o", tmp_path / "t.parquet"), "text.mp4", "not a readable video")
    refused(say("track", tmp_path / "absent.mp4", "-o", tmp_path / "t.parquet"), "absent.mp4")
    refused(say("track", tmp_path / "face", "-o", tmp_path / "t.parquet", "--backend", "dilb"), "known: dlib")
    refused(say("track", tmp_path / "face", "-o", tmp_path / "t.parquet", "--set", "x", 1), "no setting 'x'")
    refused(say("track", tmp_path / "face", "-o", tmp_path / "t.txt"), ".parquet")
    assert snapshot(tmp_path) == before


def test_data_list_and_check(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = say("data", "list", "--json")
    assert code == 0
    assert {"disfa", "ravdess", "clips", "sim-disfa"} <= {row["name"] for row in json.loads(out)}
    assert "built in" in say("data", "list")[1]
    monkeypatch.setenv("DFECS_DISFA", str(tmp_path / "nothing"))
    code, out, err = say("data", "check", "disfa")
    assert (code, err) == (1, "")
    assert "Not on this machine" in out


def test_run_executes_a_notebook(tmp_path: Path, say: Say) -> None:
    write_notebook(tmp_path / "a.ipynb", "1 / n")
    done = dfecs("run", "a.ipynb", "-p", "n", 2, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("done: .runs/a/")
    failed = dfecs("run", "a.ipynb", "-p", "n", 0, cwd=tmp_path)
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert "ZeroDivisionError" in failed.stderr
    assert (tmp_path / ".runs" / "a.failed.ipynb").is_file()
    refused(say("run", tmp_path / "a.ipynb", "-p", "m", 2, "--runs", tmp_path / "r"), "no parameter 'm'")
    refused(say("run", tmp_path / "a.ipynb", "-p", "n", 2, "-p", "n", 3), "given twice")
    assert say("run", tmp_path / "a.ipynb", "--list") == (0, "n = 1\n", "")


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "dfecs_lib.cli", "data", "list", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_an_interrupt_stops_the_kernel_and_leaves_no_run(tmp_path: Path) -> None:
    write_notebook(tmp_path / "a.ipynb", "open('started', 'w').close(); import threading; threading.Event().wait(300)")
    words = [sys.executable, "-m", "dfecs_lib.cli", "run", "a.ipynb"]
    # A job in the background of a script ignores the interrupt, and so would what it starts.
    listen = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(words, stderr=subprocess.PIPE, cwd=tmp_path, text=True, preexec_fn=listen) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "started").exists() and time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.read() == "dfecs: interrupted\n"
    assert process.returncode == 130
    assert not list((tmp_path / ".runs").rglob("*.ipynb"))
