"""Detection of labelled action units: measures by their definitions, folds of people, probes that travel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from dfecs_lib.baselines import PCAUnits
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation import detection

LEVELS = ["dataset", "subject", "recording", "frame"]


def rows(n_subjects: int = 4, n_frames: int = 100, subjects: list[str] | None = None) -> pd.MultiIndex:
    names = subjects or [f"S{k}" for k in range(n_subjects)]
    return pd.MultiIndex.from_product([["d"], names, ["r"], range(n_frames)], names=LEVELS)


@pytest.fixture
def labelled() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Codes of three units; two follow an AU each, with noise; AU09 is never there."""
    rng, index = np.random.default_rng(0), rows()
    x = np.clip(rng.normal(0, 2, (len(index), 2)), 0, 5)
    codes = pd.DataFrame(
        np.c_[3 * x + rng.normal(0, 1, x.shape), rng.random(len(x))], index=index, columns=["U01", "U02", "U03"]
    )
    return codes, pd.DataFrame({"AU01": x[:, 0], "AU09": 0.0, "AU12": x[:, 1]}, index=index)


def test_measures_are_those_of_their_definitions() -> None:
    rng = np.random.default_rng(1)
    x = np.clip(rng.normal(1, 2, 300), 0, 5).round()
    y = np.clip(0.7 * x + rng.normal(0, 1, 300), 0, 5)
    d = (y > 1.5).astype(float)
    found = detection.measure(x, decision=d, score=y, estimate=y, subject=np.arange(300) // 60, n_resamples=50)["value"]
    on = x >= 2
    assert found["f1"] == pytest.approx(reference.f1_score(on, d))
    assert found["auc"] == pytest.approx(reference.roc_auc_score(on, y))
    assert found["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(on, d))
    assert found["pcc"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert found["mae"] == pytest.approx(np.abs(x - y).mean())
    ccc = 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    assert found["ccc"] == pytest.approx(ccc)
    # ICC(3,1) by the two-way analysis of variance of Shrout and Fleiss.
    both = np.stack([x, y], axis=1)
    means, raters, grand = both.mean(axis=1), both.mean(axis=0), both.mean()
    between = 2 * ((means - grand) ** 2).sum() / 299
    error = ((both - means[:, None] - raters + grand) ** 2).sum() / 299
    assert found["icc"] == pytest.approx((between - error) / (between + error))


def test_consistency_forgives_an_offset_and_concordance_does_not() -> None:
    x = np.arange(6.0)
    found = detection.measure(x, decision=x > 1, score=x, estimate=x + 1, subject=list("aabbcc"))["value"]
    assert found["icc"] == pytest.approx(1)
    assert found["ccc"] < 0.9


@pytest.mark.parametrize(
    ("truth", "undefined"),
    [
        ([0, 0, 0, 0], {"f1", "auc", "balanced_accuracy", "icc", "ccc", "pcc"}),
        ([3, 3, 4, 4], {"auc", "balanced_accuracy"}),
    ],
)
def test_what_is_undefined_is_no_zero(truth: list[float], undefined: set[str]) -> None:
    y = [0.0, 1, 2, 3]
    found = detection.measure(truth, decision=[0, 0, 1, 1], score=y, estimate=y, subject=list("abab"))["value"]
    assert set(found.index[found.isna()]) == undefined
    constant = detection.measure([0, 3, 0, 3], decision=[0, 1, 0, 1], score=y, estimate=[1] * 4, subject=list("abab"))
    assert constant["value"][["icc", "pcc", "ccc"]].isna().all()


def test_intervals_draw_people_not_frames() -> None:
    """Frames repeated a hundred times tell nothing new; more people do."""
    rng = np.random.default_rng(2)

    def width(n_people: int, times: int) -> float:
        x = np.clip(rng.normal(1, 2, (n_people, 10)), 0, 5)
        y = x + rng.normal(0, 1, (n_people, 1)) + rng.normal(0, 0.3, x.shape)
        flat = [np.repeat(v, times, axis=1).ravel() for v in (x, y)]
        people = np.repeat(np.arange(n_people), 10 * times)
        found = detection.measure(flat[0], decision=flat[1] > 2, score=flat[1], estimate=flat[1], subject=people)
        return float(found.loc["mae", "high"] - found.loc["mae", "low"])

    assert width(10, 100) == pytest.approx(width(10, 1), rel=0.6)
    assert width(160, 1) < width(10, 1) / 2


def test_nobody_is_in_two_folds_and_disfa_has_its_own() -> None:
    table = pd.DataFrame(0.0, index=rows(7), columns=["a"])
    for n_splits, expected in ((3, 3), (None, 7)):
        folds = detection.subject_folds(table, n_splits)
        assert folds.nunique() == expected
        assert (folds.groupby(level="subject").nunique() == 1).all()
    disfa = pd.DataFrame(0.0, index=rows(subjects=["SN001", "SN002", "SN003", "SN006"]), columns=["a"])
    assert detection.subject_folds(disfa).groupby(level="subject").first().tolist() == [0, 0, 2, 1]
    with pytest.raises(DfecsError, match="1 subject cannot be cut"):
        detection.subject_folds(table[table.index.get_level_values("subject") == "S0"])


@pytest.mark.parametrize("kind", ["linear", "small"])
@pytest.mark.parametrize("context", [0, 2])
def test_a_probe_finds_what_codes_tell_and_survives_its_file(labelled, tmp_path: Path, kind, context) -> None:
    codes, labels = labelled
    probe = detection.fit_probe(codes, labels, kind=kind, context=context, card={"data": "simulated"})
    assert probe.action_units == ("AU01", "AU12")
    assert probe.card["action_units_left_out"] == ["AU09"]
    found = probe.openface_columns(codes)
    assert list(found.columns) == ["AU01_r", "AU12_r", "AU01_c", "AU12_c"]
    assert found.filter(like="_r").stack().between(0, 5).all()
    assert np.corrcoef(found["AU01_r"], labels["AU01"])[0, 1] > 0.9
    assert reference.f1_score(labels["AU12"] >= 2, found["AU12_c"]) > 0.85
    probe.save(tmp_path / "probe.npz")
    again = detection.load_probe(tmp_path / "probe.npz")
    pd.testing.assert_frame_equal(again.openface_columns(codes), found)
    assert again.card == probe.card
    shuffled = codes.sample(frac=1, random_state=0).iloc[:, ::-1]
    pd.testing.assert_frame_equal(again.openface_columns(shuffled).loc[codes.index], found)
    lost = codes.copy()
    lost.iloc[3] = np.nan
    assert again.openface_columns(lost).iloc[3].isna().all()
    with pytest.raises(DfecsError, match="use it with the units"):
        again.predict(codes.iloc[:, :2])


def test_a_damaged_probe_is_refused(labelled, tmp_path: Path) -> None:
    probe = detection.fit_probe(*labelled)
    broken = detection.Probe(**{**vars(probe), "threshold_": np.array([1.0])})
    broken.save(tmp_path / "probe.npz")
    with pytest.raises(DfecsError, match="damaged"):
        detection.load_probe(tmp_path / "probe.npz")


def test_what_cannot_be_learned_gets_a_sentence(labelled) -> None:
    codes, labels = labelled
    other = labels.rename(index={"d": "elsewhere"}, level="dataset")
    with pytest.raises(DfecsError, match="share no frame"):
        detection.fit_probe(codes, other)
    with pytest.raises(DfecsError, match="no action unit is present"):
        detection.fit_probe(codes, labels[["AU09"]])
    with pytest.raises(DfecsError, match="one subject"):
        detection.fit_probe(codes.iloc[:100], labels)
    with pytest.raises(DfecsError, match="constant"):
        detection.fit_probe(codes * 0, labels)
    with pytest.raises(DfecsError, match="unknown kind"):
        detection.fit_probe(codes, labels, kind="deep")


def test_units_as_they_are_beat_chance_and_a_probe_is_at_least_as_good(learn) -> None:
    units = PCAUnits(4).fit(learn)
    codes = units.transform(learn)
    labels = pd.DataFrame({"AU01": (codes.iloc[:, 0] / 20).clip(0, 5), "AU12": (codes.iloc[:, 1] / 20).clip(0, 5)})
    makers = {"PCA": lambda k, _: PCAUnits(4).fit(k), "motion": lambda k, _: detection.RawMotion().fit(k)}
    found = detection.detect(makers, learn, labels, unit_matching=["PCA"])
    assert set(found) == {"PCA", "PCA, no probe", "motion", "chance"}
    table = detection.measure_table(found, labels, n_resamples=20)
    macro = table.query("au == 'macro'").pivot(index="method", columns="measure", values="value")
    assert macro.loc["PCA", "auc"] > 0.9
    assert macro.loc["PCA, no probe", "auc"] > 0.8
    assert abs(macro.loc["chance", "auc"] - 0.5) < 0.15
    assert np.isnan(macro.loc["chance", "pcc"])
    assert macro.loc["PCA", "f1"] > macro.loc["chance", "f1"]
    with pytest.raises(DfecsError, match="share no frame"):
        detection.detect(makers, learn, labels.rename(index={"one": "x"}, level="dataset"))
