"""Results at a glance: figures from the runs, verdicts that follow from them, and a word for what is not there."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import yaml

from dfecs_lib.publishing.runs import load_profile


@pytest.fixture(scope="module")
def glance(root: Path):
    spec = importlib.util.spec_from_file_location("dfecs_glance", root / "book" / "_ext" / "dfecs_glance.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(folder: Path, run: str, found: dict) -> None:
    place = folder / "results" / run
    place.mkdir(parents=True)
    (place / "results.json").write_text(json.dumps(found))


CLAIM = {
    "claim": "More",
    "run": "18",
    "each": "at",
    "ours": "at/{set}/4/A, b",
    "theirs": "at/{set}/4/C",
    "unit": "%",
    "margin": 0.5,
}


def test_a_line_for_every_data_set_with_a_verdict_that_follows_from_its_figures(glance, tmp_path: Path) -> None:
    at = {name: {"4": {"A, b": ours, "C": 80.0}} for name, ours in (("one", 85.0), ("two", 75.0), ("three", 80.4))}
    write(tmp_path, "18", {"at": at, "data": {name: {"people": 3, "frames": 1200} for name in at}})
    found = list(glance.rows(CLAIM, tmp_path))
    assert [line["verdict"] for line in found] == ["yes", "no", "level"]
    assert found[0]["figure"] == "85.0 % against 80.0 %"
    assert found[0]["data"] == "real faces, one: 3 people, 1,200 frames"
    less = [line["verdict"] for line in glance.rows({**CLAIM, "better": "less"}, tmp_path)]
    assert less == ["no", "yes", "level"]
    (limit,) = glance.rows({"claim": "x", "run": "18", "ours": "at/one/4/C", "limit": 90, "sets": "data/one"}, tmp_path)
    assert (limit["figure"], limit["verdict"]) == ("80.0", "no")


def test_what_was_not_run_says_why(glance, tmp_path: Path) -> None:
    write(tmp_path, "18", {"not_run": "krsl is not on this machine. Ask."})
    (line,) = glance.rows(CLAIM, tmp_path)
    assert (line["verdict"], line["data"]) == ("not run", "krsl is not on this machine. Ask.")
    (line,) = glance.rows({**CLAIM, "run": "99"}, tmp_path)
    assert (line["verdict"], line["linked"]) == ("not run", "")
    write(tmp_path, "20", {"absent": {"krsl": "Get it."}})
    (line,) = glance.rows({"claim": "x", "run": "20", "ours": "t", "limit": 2}, tmp_path)
    assert (line["verdict"], line["data"]) == ("not run", "Get it.")


def test_a_reason_stands_once_under_the_table(glance) -> None:
    line = {"verdict": "not run", "linked": "yes", "data": "krsl is not on this machine. Ask."}
    run = {"verdict": "yes", "linked": "yes", "data": "real faces"}
    lines, reasons = glance.with_notes([run, line, {**line, "data": "Get it."}, dict(line)])
    assert reasons == ["krsl is not on this machine. Ask.", "Get it."]
    assert [one["data"] for one in lines] == ["real faces", "not here (1)", "not here (2)", "not here (1)"]


def test_relatives_are_named(glance, tmp_path: Path) -> None:
    write(tmp_path, "12", {"gap": 3.0})
    claim = {
        "claim": "x",
        "run": "12",
        "ours": "gap",
        "limit": 0,
        "about": "simulated faces",
        "relatives": "same muscles",
    }
    (line,) = glance.rows(claim, tmp_path)
    assert line["verdict"] == "yes; no evidence: same muscles"
    assert line["data"] == "simulated faces"


def test_every_claim_is_about_a_page_of_the_demo_book(root: Path) -> None:
    claims = yaml.safe_load((root / "book" / "glance.yaml").read_text(encoding="utf-8"))
    pages = {step.name for step in load_profile("demo", root / "notebooks" / "profiles.yaml").steps}
    assert {claim["run"] for claim in claims} <= pages
