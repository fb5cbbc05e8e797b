"""Studies and their analysis: what the page holds, who is kept, what is counted, what is refused."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.anatomy.contours import CONTOURS
from dfecs_lib.baselines import PCAUnits
from dfecs_lib.errors import DfecsError
from dfecs_lib.interpretability import load_atlas
from dfecs_lib.keypoints import BP4D49, IBUG68
from dfecs_lib.rating import RaterRule, analyse, build_study, load_study, read_answers, simulate_raters
from dfecs_lib.rating.answers import COLUMNS, write_answers
from dfecs_lib.rating.labels import PARTS, keypoint_name


def answers_of(study: dict, rater: str, **verdicts: object) -> pd.DataFrame:
    """One rater's answers: nothing against the muscles, rating 5; catch trials right; `verdicts` by trial override."""
    rows = []
    for i, t in enumerate(study["trials"]):
        against = tuple(t["wrong"]) if t["expect"] == "against" else ()
        rating = 1 if t["expect"] == "against" else 5
        if t["id"].rstrip("+-") in verdicts:
            against, rating = verdicts[t["id"].rstrip("+-")]
        rows.append(
            {
                **{k: t[k] for k in ("kind", "unit", "sign", "of", "expect")},
                **{
                    "study": study["id"],
                    "rater": rater,
                    "simulated": False,
                    "seed": 0,
                    "guide": True,
                    "position": i + 1,
                },
                **{"trial": t["id"], "wrong": tuple(t["wrong"]), "moving": tuple(t["moving"]), "against": against},
                **{"none": not against, "rating": rating, "comment": 'a "quoted", word', "seconds": 4.5},
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


@pytest.fixture
def rated(study, tmp_path):
    """Three raters: two find the fourth unit impossible, one also the first; and where their files are."""
    shown = load_study(study)
    said = {
        "ann": {"u04": ((3, 4), 1), "r01": ((3,), 2), "r02": ((), 4)},
        "bob": {"u04": ((3, 12, 27), 2), "u01": ((48,), 3)},
        "cyd": {},
    }
    files = []
    for rater, verdicts in said.items():
        files.append(tmp_path / f"{rater}.csv")
        write_answers(answers_of(shown, rater, **verdicts), files[-1])
    return files


def test_the_page_is_one_file_that_asks_nobody(study):
    page = (study / "index.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)\s*=\s*[\"'](?!data:|#)", page)
    assert "default-src 'none'" in page
    assert not re.search(r"\bfetch\(|XMLHttpRequest|https?://(?!www\.w3\.org)", page)
    assert "A &lt;small&gt; study" in page
    assert "{{" not in page
    embedded = re.search(r'<script type="application/json" id="study">(.*?)</script>', page, re.S).group(1)
    assert json.loads(embedded) == load_study(study)


def test_trials_are_units_repeats_and_catches(study):
    shown = load_study(study)
    kinds = pd.Series([t["kind"] for t in shown["trials"]]).value_counts()
    assert dict(kinds) == {"unit": 4, "repeat": 2, "catch": 4}
    by_id = {t["id"]: t for t in shown["trials"]}
    for t in shown["trials"]:
        largest = np.linalg.norm(t["motion"], axis=1).max()
        assert largest == pytest.approx(70, abs=0.2)  # every unit is shown equally large
        if t["kind"] == "repeat":
            assert t["motion"] == by_id[t["of"]]["motion"]
        if t["expect"] == "against":
            assert set(t["wrong"]) <= set(t["moving"])


def test_the_same_units_make_the_same_study(units, tmp_path):
    first = build_study(units, tmp_path / "a", signed=False)
    second = build_study(units, tmp_path / "b", signed=False)
    assert first.read_bytes() == second.read_bytes()
    other = build_study(units, tmp_path / "c", signed=False, seed=1)
    assert load_study(other.parent)["id"] != load_study(first.parent)["id"]


def test_signed_units_are_shown_both_ways(units, tmp_path):
    model = PCAUnits(n_units=2).fit(np.random.default_rng(0).normal(size=(30, 4)) @ units)
    build_study(model, tmp_path, n_repeats=0, n_catch=0)
    trials = load_study(tmp_path)["trials"]
    assert [(t["unit"], t["sign"]) for t in trials] == [("1", 1), ("1", -1), ("2", 1), ("2", -1)]
    assert np.allclose(trials[0]["motion"], -np.array(trials[1]["motion"]))


def test_a_saved_model_and_a_smaller_scheme(tmp_path):
    rng = np.random.default_rng(0)
    model = PCAUnits(n_units=2).fit(rng.normal(size=(30, 98)))
    model.save(tmp_path / "units.npz")
    build_study(tmp_path / "units.npz", tmp_path / "study")
    shown = load_study(tmp_path / "study")
    assert set(shown["present"]) == set(BP4D49.ibug)
    for t in shown["trials"]:
        assert set(t["moving"]) <= set(BP4D49.ibug)


def test_every_keypoint_has_a_name_a_part_and_a_line():
    names = [keypoint_name(k) for k in range(68)]
    assert len(set(names)) == 68
    for k in range(68):
        assert keypoint_name(int(IBUG68.mirror[k])).replace("left", "right") == names[k].replace("left", "right")
    assert sorted(k for _, _, points in PARTS for k in points) == list(range(68))
    assert {k for line in CONTOURS for k in line} == set(range(68))


def test_the_verdict_is_the_majoritys(rated):
    report = analyse(rated)
    assert list(report.units.interpretable) == [True, True, True, False]
    assert (report.share.count, report.share.n) == (3, 4)
    assert report.units.loc["4", "complies"] == pytest.approx(1 / 3)
    assert report.units.loc["4", "keypoints"] == "3 4 12 27"
    assert report.units.loc["1", "rating"] == pytest.approx((5 + 3 + 5) / 3)
    assert not report.simulated
    assert report.raters.kept.all()
    assert report.share_over_raters[0] <= 0.75 <= report.share_over_raters[1]


def test_a_stricter_majority_and_a_tolerance(rated):
    assert analyse(rated, rule=RaterRule(majority=0.7)).share.count == 2
    assert analyse(rated, rule=RaterRule(tolerance=2)).share.count == 4


def test_retest_is_read_from_the_repeats(rated, study):
    raters = analyse(rated).raters
    repeats = [t for t in load_study(study)["trials"] if t["kind"] == "repeat"]
    assert raters.loc["ann", "retests"] == len(repeats) == 2
    # ann found unit 4 alone impossible at first; at the second look the first repeat impossible, the other not.
    first = [t["unit"] != "4" for t in repeats]
    assert raters.loc["ann", "retest_same_verdict"] == np.mean([not first[0], first[1]])
    assert raters.loc["cyd", "retest_same_verdict"] == 1
    assert raters.loc["cyd", "retest_rating_apart"] == 0
    assert raters.loc["cyd", "retest_keypoints_jaccard"] == 1


def test_raters_who_fail_the_catch_trials_are_left_out_and_named(rated, study, tmp_path):
    shown = load_study(study)
    careless = answers_of(shown, "zed", c01=((), 5), c03=((), 5), u01=((49,), 1), u02=((20,), 1), u03=((8,), 1))
    write_answers(careless, tmp_path / "zed.csv")
    report = analyse([*rated, tmp_path / "zed.csv"])
    assert report.share == analyse(rated).share
    assert not report.raters.loc["zed", "kept"]
    assert "zed" in report.notes[0]
    with pytest.raises(DfecsError, match="no rater who answered"):
        analyse(tmp_path / "zed.csv")


def test_a_unit_with_signed_codes_must_pass_both_ways(units, tmp_path):
    model = PCAUnits(n_units=2).fit(np.random.default_rng(0).normal(size=(30, 4)) @ units)
    build_study(model, tmp_path)
    shown = load_study(tmp_path)
    files = []
    for rater in ("a", "b"):
        table = answers_of(shown, rater)
        table.loc[table.trial == "u01-", "against"] = pd.Series([(27,)], index=table.index[table.trial == "u01-"])
        files.append(tmp_path / f"{rater}.csv")
        write_answers(table, files[-1])
    assert list(analyse(files).units.interpretable) == [False, True]


def test_json_and_csv_exports_say_the_same(rated, study, tmp_path):
    table = read_answers(rated[0])
    rows = json.loads(table[list(COLUMNS)].to_json(orient="records"))
    for row in rows:
        for name in ("wrong", "moving", "against"):
            row[name] = " ".join(map(str, row[name]))
    (tmp_path / "ann.json").write_text(json.dumps({"study": rows[0]["study"], "answers": rows}), encoding="utf-8")
    pd.testing.assert_frame_equal(read_answers(tmp_path / "ann.json").drop(columns="file"), table.drop(columns="file"))


def test_a_later_export_of_the_same_rater_counts(rated, study, tmp_path):
    again = tmp_path / "ann-again.csv"
    write_answers(answers_of(load_study(study), "ann"), again)
    report = analyse([*rated, again])
    assert report.units.loc["4", "complies"] == pytest.approx(2 / 3)
    assert len(report.raters) == 3
    assert "replaced" in report.notes[0]


def test_answers_not_given_are_no_answers(rated, tmp_path):
    table = read_answers(rated[2])
    write_answers(table[table.trial != "u04+"], tmp_path / "partial.csv")
    report = analyse([*rated[:2], tmp_path / "partial.csv"])
    assert report.units.loc["4", "raters"] == 2
    assert report.units.loc["4", "complies"] == 0
    assert any("Not every rater" in note for note in report.notes)


def test_simulated_raters_are_called_simulated_everywhere(study, tmp_path):
    files = simulate_raters(study, tmp_path / "answers", n_raters=5, n_careless=1, random_state=3)
    assert all(f.name.startswith("simulated") for f in files)
    report = analyse(files)
    assert report.simulated
    assert report.raters.simulated.all()
    assert list(report.units.interpretable) == [True, True, True, False]
    page = report.write(tmp_path / "report", study).read_text(encoding="utf-8")
    assert "Simulated raters" in page
    assert "must not be quoted" in page
    assert json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))["simulated"] is True
    assert simulate_raters(study, tmp_path / "b", n_raters=5, random_state=3)[0].read_bytes() == files[0].read_bytes()


def test_the_report_stands_alone(rated, study, tmp_path):
    page = analyse(rated).write(tmp_path, study).read_text(encoding="utf-8")
    assert "Simulated raters" not in page
    assert "3 of 4 units interpretable" in page
    assert not re.search(r"(?:src|href)=[\"'](?!data:|#)", page)
    assert page.count("<svg") == 3 + 4
    assert {p.name for p in tmp_path.iterdir()} >= {"report.html", "report.json", "units.csv", "raters.csv"}


def test_wrong_files_are_refused_in_one_sentence(rated, study, units, tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(DfecsError, match="lacks the columns study, rater"):
        analyse(tmp_path / "other.csv")
    with pytest.raises(DfecsError, match=r"nowhere\.csv"):
        analyse(tmp_path / "nowhere.csv")
    with pytest.raises(DfecsError, match="no answer files"):
        analyse([])
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(DfecsError, match="not an export"):
        analyse(tmp_path / "broken.json")
    text = rated[0].read_text(encoding="utf-8").replace(",true,5,", ",true,9,")
    (tmp_path / "nine.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DfecsError, match=r"line \d+ has a rating outside"):
        analyse(tmp_path / "nine.csv")
    build_study(units[:2], tmp_path / "second", signed=False)
    second = simulate_raters(tmp_path / "second", tmp_path / "second")
    with pytest.raises(DfecsError, match="different studies"):
        analyse([rated[0], second[0]])
    with pytest.raises(DfecsError, match="not of"):
        analyse(rated).write(tmp_path / "r", tmp_path / "second")
    with pytest.raises(DfecsError, match="136 finite numbers"):
        build_study(units, tmp_path / "x", signed=False, neutral=np.zeros(5))
    with pytest.raises(DfecsError, match="0 or more"):
        build_study(units, tmp_path / "x", signed=False, n_catch=-1)
    with pytest.raises(DfecsError, match=r"study\.json"):
        load_study(tmp_path)


def test_a_neutral_face_of_ones_own_is_drawn(units, tmp_path):
    face = load_atlas().neutral + 3.0
    build_study(units, tmp_path, signed=False, neutral=face.T.reshape(-1))
    assert np.allclose(load_study(tmp_path)["neutral"], face)
