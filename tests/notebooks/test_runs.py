"""Runs: parameters, keys, caching, atomicity, failure, profiles. Real kernels, as few as will do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.publishing.runs import (
    RunFailedError,
    declared_parameters,
    fingerprint,
    load_profile,
    read_notebook,
    resolve,
    run_key,
    run_notebook,
    run_profile,
    used_code,
)
from dfecs_lib.publishing.runs.uses import LIBRARY, code_digest

PARAMETERS = """# what it takes
n = 3  # how many
scale: float = 1.0
name = "a"
flags = [
    1,
    2,
]
search = None
exact = False
results_dir = "results"
"""


def write_notebook(path: Path, *sources: str) -> Path:
    cells = [
        {
            "cell_type": "code",
            "id": f"cell{number}",
            "execution_count": None,
            "metadata": {"tags": ["parameters"]} if number == 0 else {},
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    metadata = {"kernelspec": {"name": "no-such-kernel", "display_name": "x", "language": "python"}}
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))
    return path


def test_parameters_are_read_without_executing(tmp_path: Path) -> None:
    cells = read_notebook(write_notebook(tmp_path / "a.ipynb", PARAMETERS, "n"))
    assert declared_parameters(cells) == {
        "n": 3,
        "scale": 1.0,
        "name": "a",
        "flags": [1, 2],
        "search": None,
        "exact": False,
        "results_dir": "results",
    }
    with pytest.raises(DfecsError, match="only assign literals"):
        declared_parameters(read_notebook(write_notebook(tmp_path / "b.ipynb", "import os")))


def test_given_values_take_their_defaults_type() -> None:
    declared = {"n": 3, "scale": 1.0, "name": "a", "flags": [1], "search": None, "exact": False}
    words = {"n": "4", "scale": "1e-3", "name": "7", "flags": "[3, 4]", "search": "12", "exact": "true"}
    assert resolve(declared, words) == {
        "n": 4,
        "scale": 0.001,
        "name": "7",
        "flags": [3, 4],
        "search": 12,
        "exact": True,
    }
    assert resolve(declared, {"scale": 2, "n": "none"}) == {"scale": 2.0, "n": None}
    for wrong, words_ in (({"n": "many"}, "whole number"), ({"exact": "2"}, "true or false"), ({"n": True}, "whole")):
        with pytest.raises(DfecsError, match=words_):
            resolve(declared, wrong)
    with pytest.raises(DfecsError, match=r"no parameter 'm', 'q'; it has: n, scale"):
        resolve(declared, {"m": 1, "q": 2})


def test_the_key_follows_all_that_a_result_depends_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = read_notebook(write_notebook(tmp_path / "a.ipynb", "n = 1", "n"))
    data = tmp_path / "faces.csv"
    data.write_text("1")
    key = run_key(one, {"n": 1}, [str(data)], {})
    assert key == run_key(one, {"n": 1}, [str(data)], {})
    executed = [{**cell, "outputs": ["something"], "execution_count": 3} for cell in one]
    assert key == run_key(executed, {"n": 1}, [str(data)], {})
    others = {run_key(one, {"n": 2}, [str(data)], {}), run_key(one, {"n": 1}, [str(data)], {"up": "0"})}
    others.add(run_key(read_notebook(write_notebook(tmp_path / "b.ipynb", "n = 1", "n+0")), {"n": 1}, [str(data)], {}))
    data.write_text("2")
    others.add(run_key(one, {"n": 1}, [str(data)], {}))
    drawn = read_notebook(write_notebook(tmp_path / "c.ipynb", "n = 1", "from dfecs_lib import plotting\nn"))
    data.write_text("1")
    others.add(run_key(drawn, {"n": 1}, [str(data)], {}))
    assert len(others | {key}) == 6


DRAWS = "from dfecs_lib import plotting\nplotting.use_style()"
CODES = "%time\nimport dfecs_lib.ffm\nfrom dfecs_lib import load_dataset, tracking"


def test_a_key_follows_the_modules_and_packages_that_a_notebook_uses_and_no_others(tmp_path: Path) -> None:
    library = tmp_path / "dfecs_lib"
    shutil.copytree(LIBRARY, library, ignore=shutil.ignore_patterns("__pycache__"))

    def digests() -> tuple[str, str]:
        return code_digest([DRAWS], library), code_digest([CODES], library)

    draws, codes = digests()
    assert (draws, codes) == (code_digest([DRAWS], LIBRARY), code_digest([CODES], LIBRARY))
    for changed, which in (
        ("cli/train.py", set()),  # the words of the command line compute nothing
        ("plotting/style.py", {0}),
        ("plotting/moving.js", {0}),
        ("coding/kernels.py", {1}),
        ("simulate/muscles.py", {1}),  # by the name of a module in datasets.py
        ("tracking/dlib_backend.py", {1}),  # in a registry of backends
        ("preprocessing/pose_correction.json", {1}),  # data beside a module
        ("errors.py", {0, 1}),
    ):
        (library / changed).write_bytes((library / changed).read_bytes() + b" ")
        before, (draws, codes) = (draws, codes), digests()
        assert {k for k in range(2) if (draws, codes)[k] != before[k]} == which, changed


def test_packages_that_draw_and_track_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert {"matplotlib", "plotly"} <= set(used_code([DRAWS])[1])
    assert {"dlib", "numba", "sklearn"} <= set(used_code([CODES])[1])
    assert used_code(["import json, os.path\nimport helper"]) == ([], ["helper"])
    (tmp_path / "helper.py").write_text(
        "import yaml\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING: import scipy\n"
    )
    assert used_code(["def f():\n    import helper"]) == ([tmp_path / "helper.py"], ["helper", "yaml"])
    # What is not Python may use anything.
    assert set(LIBRARY.rglob("*.py")) <= set(used_code(["%%bash\nls | sort"])[0])


def test_data_are_known_by_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fingerprint("neither file nor dataset") is None
    assert fingerprint("") is None
    assert fingerprint("sim-disfa") is not None
    assert fingerprint("clips/single_face@0") == fingerprint("clips")  # known by checksum, here or not
    monkeypatch.setenv("DFECS_DISFA", str(tmp_path))
    empty = fingerprint("disfa")
    (tmp_path / "more.txt").write_text("x")
    assert fingerprint("disfa") != empty
    # What a run does without where it is absent is not the same run once it is there.
    monkeypatch.setenv("DFECS_FRONTALIZATION_WEIGHTS", str(tmp_path))
    absent = fingerprint("frontalization-weights")
    (tmp_path / "frontalization_weights.npy").write_bytes(bytes(149_184))
    assert fingerprint("frontalization-weights") != absent


def test_a_run_is_made_once_and_tells_no_folder_of_this_machine(tmp_path: Path) -> None:
    body = "import os, pathlib\npathlib.Path(results_dir, 'n.txt').write_text(f'{n} {os.environ[\"OMP_NUM_THREADS\"]}')"
    notebook = write_notebook(tmp_path / "count.ipynb", PARAMETERS, body)
    run = run_notebook(notebook, {"n": "5"}, runs=tmp_path / "runs", threads=1)
    assert not run.cached
    assert (run.results / "n.txt").read_text() == "5 1"
    text = run.notebook.read_text()
    assert str(tmp_path) not in text
    executed = json.loads(text)
    assert executed["metadata"]["papermill"]["parameters"] == {"n": 5}
    assert "n = 5" in executed["cells"][1]["source"]
    assert executed["metadata"]["dfecs"]["data"] == []
    assert 10e6 < executed["metadata"]["dfecs"]["peak_memory"] < 10e9
    stamp = run.notebook.stat().st_mtime_ns
    again = run_notebook(notebook, {"n": 5}, runs=tmp_path / "runs")
    assert again.cached
    assert again.folder == run.folder
    assert run.notebook.stat().st_mtime_ns == stamp
    assert [p.name for p in (tmp_path / "runs" / "count").iterdir()] == [run.key]


def test_a_profile_runs_in_order_and_a_failure_keeps_the_rest(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write = "import pathlib; pathlib.Path(results_dir, 'x').write_text('made here')"
    write_notebook(tmp_path / "a.ipynb", "results_dir = ''", write)
    write_notebook(tmp_path / "b.ipynb", "first = ''", "import pathlib; print(pathlib.Path(first, 'x').read_text())")
    write_notebook(tmp_path / "bad.ipynb", "n = 1", "raise ValueError('no\\ngood')")
    (tmp_path / "profiles.yaml").write_text(
        "demo:\n  notebooks:\n    b: {needs: {first: a}}\n    a:\n    bad:\n"
        "    after: {notebook: b.ipynb, needs: {first: bad}}\n"
    )
    profile = load_profile("demo", tmp_path / "profiles.yaml")
    lines: list[str] = []
    with pytest.raises(
        RunFailedError, match=r"^bad failed in cell \[\d\] \(ValueError: no good\); .*bad\.failed\.ipynb"
    ):
        run_profile(profile, runs=tmp_path / "runs", report=lines.append)
    assert sorted(lines) == ["a: done", "b: done", "bad: failed"]
    failed = json.loads((tmp_path / "runs" / "bad.failed.ipynb").read_text())
    assert any("no\ngood" in str(o.get("evalue")) for c in failed["cells"] for o in c.get("outputs", []))
    assert not list((tmp_path / "runs" / "bad").iterdir())
    executed = next((tmp_path / "runs" / "b").glob("*/b.ipynb")).read_text()
    assert "made here" in executed
    assert str(tmp_path) not in executed
    assert capfd.readouterr().err == ""  # nothing is printed that nobody asked for


def test_bad_profiles_and_notebooks_are_refused_before_anything_runs(tmp_path: Path) -> None:
    write_notebook(tmp_path / "a.ipynb", "n = 1\nother = ''\nresults_dir = ''")
    (tmp_path / "text.ipynb").write_text("no notebook")
    for content, words in (
        ("demo: {notebooks: {a: {needs: {other: b}}}}", "needs b, not a notebook"),
        ("demo: {notebooks: {a: {needs: {other: a}}}}", "circle"),
        ("demo: {notebooks: {a: {parameters: {m: 1}}}}", "no parameter 'm'"),
        ("demo: {notebooks: {a: {parameter: {n: 1}}}}", "unknown 'parameter'"),
        ("demo: {notebooks: {absent: }}", "no such notebook"),
        ("demo: {notebooks: {text: }}", "not a Jupyter notebook"),
        ("other: {notebooks: {a: }}", "no profile 'demo'"),
        ("demo: [", "not a readable YAML"),
    ):
        (tmp_path / "p.yaml").write_text(content)
        with pytest.raises(DfecsError, match=words):
            load_profile("demo", tmp_path / "p.yaml")
    with pytest.raises(DfecsError, match="set by the runner"):
        run_notebook(tmp_path / "a.ipynb", {"results_dir": "here"}, runs=tmp_path / "runs")
    with pytest.raises(DfecsError, match="no such notebook"):
        run_notebook(tmp_path / "absent.ipynb", runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_run_notes_the_memory_at_its_peak_and_the_data_it_read(tmp_path: Path) -> None:
    data = tmp_path / "faces.csv"
    data.write_text("1")
    lines = f"source = {str(data)!r}  # a file\nothers = ['sim-disfa', 'small']\nresults_dir = ''"
    big = "block = b'x' * 300_000_000; del block"
    noted = {}
    for name, body in (("small", "1"), ("big", big)):
        run = run_notebook(write_notebook(tmp_path / f"{name}.ipynb", lines, body), runs=tmp_path / "runs")
        noted[name] = json.loads(run.notebook.read_text())["metadata"]["dfecs"]
    assert noted["big"]["data"] == [str(data), "sim-disfa"]
    assert 250e6 < noted["big"]["peak_memory"] - noted["small"]["peak_memory"] < 400e6


def test_a_notebook_without_its_data_stands_as_not_run_and_so_does_what_needs_it(tmp_path: Path) -> None:
    body = "from dfecs_lib.errors import AbsentDataError\nraise AbsentDataError('krsl is not on this machine. Ask.')"
    first = write_notebook(tmp_path / "first.ipynb", f"{PARAMETERS}\ndata = ['krsl', 'small']", body)
    content = json.loads(first.read_text())
    content["cells"] += [
        {"cell_type": "markdown", "id": f"words{k}", "metadata": {}, "source": words}
        for k, words in enumerate(["## What is explained", "## Method\n\nPeople are left out."])
    ]
    first.write_text(json.dumps(content))
    write_notebook(tmp_path / "second.ipynb", "up = ''\nresults_dir = 'results'", "1 / 0")
    write_notebook(tmp_path / "third.ipynb", PARAMETERS, "n")
    (tmp_path / "profiles.yaml").write_text(
        "demo: {notebooks: {first: {}, second: {needs: {up: first}}, third: {}}}", encoding="utf-8"
    )
    said: list[str] = []
    done = run_profile(load_profile("demo", tmp_path / "profiles.yaml"), runs=tmp_path / "runs", report=said.append)
    assert done["first"].not_run == "krsl is not on this machine. Ask."
    assert done["second"].not_run == "it needs the results of first, which was not run."
    assert not done["third"].not_run
    assert "first: not run (krsl is not on this machine. Ask.)" in said
    shown = json.loads(done["first"].notebook.read_text())
    assert "Not run: krsl is not on this machine. Ask." in shown["cells"][1]["source"]
    assert [cell["source"] for cell in shown["cells"] if cell["cell_type"] == "code"][1] == body
    assert shown["metadata"]["dfecs"]["data"] == ["krsl"]
    *_, bare, told = shown["cells"]
    assert bare["source"] == "## What is explained\n\n*Not run: only the code of this section is here.*"
    assert told["source"] == "## Method\n\nPeople are left out."
    assert json.loads((done["first"].results / "results.json").read_text()) == {"not_run": done["first"].not_run}
    # It is no run that is kept: with its data there, it is made.
    assert not run_notebook(first, runs=tmp_path / "runs").cached
