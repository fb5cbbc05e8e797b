"""People left out: few units a frame, folds without a leak, tremble, meaning in pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.baselines import PCAUnits
from dfecs_lib.errors import AbsentDataError, DfecsError
from dfecs_lib.evaluation import meaning
from dfecs_lib.evaluation.few import FewUnits
from dfecs_lib.evaluation.frames import model_costs, score
from dfecs_lib.evaluation.instruments import agreement
from dfecs_lib.evaluation.people import (
    Contender,
    models_by_fold,
    people_sets,
    unseen_people,
)
from dfecs_lib.keypoints import make_table
from dfecs_lib.metrics import active_units, cancellation, variance_explained


class Given:
    """Units as given, coded by non-negative least squares on orthonormal rows."""

    def __init__(self, units: np.ndarray) -> None:
        self.components_ = units
        self.seen: list[set[str]] = []

    def fit(self, K: pd.DataFrame) -> Given:
        self.people = set(K.index.get_level_values("subject"))
        return self

    def transform(self, K):
        codes = np.maximum(np.asarray(K) @ self.components_.T, 0)
        return pd.DataFrame(codes, index=K.index) if isinstance(K, pd.DataFrame) else codes

    def inverse_transform(self, E):
        motion = np.asarray(E) @ self.components_
        return pd.DataFrame(motion, index=E.index) if isinstance(E, pd.DataFrame) else motion


@pytest.fixture
def units() -> np.ndarray:
    return np.eye(136)[[20, 88, 130]]


@pytest.fixture
def motion(units: np.ndarray) -> pd.DataFrame:
    """Four people, 30 frames each, whose motion is a sum of three units, the first the largest."""
    rng = np.random.default_rng(0)
    parts = [
        make_table(
            rng.exponential([9, 4, 1], (30, 3)) @ units,
            scheme="ibug68",
            frames=range(30),
            subject=f"P{k}",
            recording="r",
        )
        for k in range(4)
    ]
    whole = pd.concat(parts)
    whole.attrs = parts[0].attrs
    return whole


@pytest.mark.parametrize("picking", ["added", "signed"])
def test_few_units_are_those_worth_most_and_so_many_on_average(
    motion: pd.DataFrame, units: np.ndarray, picking: str
) -> None:
    few = FewUnits(Given(units), motion, 2, picking)
    codes = few.transform(motion)
    assert active_units(codes) == pytest.approx(2, abs=0.05)
    true = motion.to_numpy() @ units.T
    np.testing.assert_allclose(codes[codes > 0].fillna(0), np.where(codes > 0, true, 0), atol=1e-9)
    assert true[codes.to_numpy() > 0].min() >= true[codes.to_numpy() == 0].max()  # one price for all units and frames


def test_units_with_both_signs_are_picked_with_either() -> None:
    rng = np.random.default_rng(0)
    units = np.linalg.qr(rng.normal(size=(136, 3)))[0].T
    codes = rng.normal(size=(50, 3))
    few = FewUnits(Given(units), codes @ units, 3, "signed")
    np.testing.assert_allclose(few.transform(codes @ units), codes, atol=1e-9)


def test_first_units_of_pca_are_pca_with_so_many(motion: pd.DataFrame) -> None:
    model, two = PCAUnits(3).fit(motion), PCAUnits(2).fit(motion)
    few = FewUnits(model, motion, 2, "first")
    guess = few.inverse_transform(few.transform(motion))
    expected = two.inverse_transform(two.transform(motion))
    assert variance_explained(motion, guess) == pytest.approx(variance_explained(motion, expected))


def test_nobody_is_coded_by_units_learned_from_them(motion: pd.DataFrame, units: np.ndarray) -> None:
    folds = models_by_fold(lambda: Given(units), motion, n_splits=2)
    tested = [set(index.get_level_values("subject")) for _, index in folds]
    assert set.union(*tested) == {"P0", "P1", "P2", "P3"}
    for (model, _), people in zip(folds, tested, strict=True):
        assert model.people.isdisjoint(people)
    with pytest.raises(DfecsError, match="two people"):
        models_by_fold(lambda: Given(units), motion.xs("P0", level="subject", drop_level=False))


def test_curves_rise_to_everything(motion: pd.DataFrame, units: np.ndarray) -> None:
    contenders = {
        "given": Contender(lambda: Given(units), fixed=True),
        "PCA": Contender(lambda: PCAUnits(3), few="first"),
    }
    curves, costs = unseen_people(contenders, motion, [1, 2, 3], n_splits=2)
    for _, part in curves.groupby("method"):
        assert part["ve_squared"].is_monotonic_increasing
        assert part["ve_squared"].iloc[-1] == pytest.approx(100)
        assert (part["low"] <= part["ve_squared"] + 1e-9).all()
    assert costs["given"].index.equals(motion.index)
    assert curves.loc[curves["method"] == "given", "cancellation"].tolist() == pytest.approx([1, 1, 1])


def test_cancellation_counts_what_works_against_each_other() -> None:
    units = np.zeros((2, 136))
    units[:, 0] = 1, -1
    one = make_table(np.eye(136)[:1], scheme="ibug68", frames=[0])
    model = Given(units)
    model.transform = lambda K: np.array([[3.0, 2.0]])
    costs = model_costs(model, one)
    assert score(costs, "cancellation")[0] == pytest.approx(5) == cancellation([[3.0, 2.0]], units)


def test_sets_that_are_not_here_are_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DFECS_DATA", str(tmp_path))
    monkeypatch.delenv("DFECS_KRSL", raising=False)
    sets, absent = people_sets(["sim-ckplus", "krsl"])
    assert list(sets) == ["sim-ckplus"]
    assert "dfecs data fetch krsl" in absent["krsl"]
    with pytest.raises(AbsentDataError, match="krsl is not on this machine"):
        people_sets("krsl")


# --- meaning ---------------------------------------------------------------------------------------------------------


def face(rise: float, shift: float = 0.0) -> np.ndarray:
    """A face whose brows stand 30 px and `rise` above the eyes; the eyes are 100 px apart."""
    points = np.zeros((68, 2))
    points[17:27, 1] = 70 - rise
    points[36:48, 1] = 100
    points[36:42, 0], points[42:48, 0] = 0, 100
    return (points + shift).T.ravel()


def test_brow_height_in_pixels_and_in_eye_distances() -> None:
    table = make_table(np.array([face(0), face(20), face(20, shift=50)]), scheme="ibug68", frames=range(3))
    np.testing.assert_allclose(meaning.brow_height(table), [30, 50, 50])
    np.testing.assert_allclose(meaning.brow_height(table, relative=True), [0.3, 0.5, 0.5])


def test_units_of_the_brows_say_how_far_up_they_are() -> None:
    up, mouth = np.zeros(136), np.zeros(136)
    up[68 + np.arange(17, 27)] = -1 / np.sqrt(10)
    mouth[68 + 60] = 1
    model = Given(np.array([mouth, up]))
    assert meaning.brow_units(model).tolist() == [1]
    motion = make_table(np.array([5 * np.sqrt(10) * up + 7 * mouth]), scheme="ibug68", frames=[0])
    assert meaning.brow_motion(model, motion).item() == pytest.approx(5)


def test_what_follows_a_confounder_is_taken_out_within_people() -> None:
    rng = np.random.default_rng(1)
    index = pd.MultiIndex.from_product(
        [["d"], ["P", "Q"], ["r"], range(200)], names=["dataset", "subject", "recording", "frame"]
    )
    pitch = pd.Series(rng.normal(size=400), index=index)
    own = pd.Series(rng.normal(size=400), index=index)
    person = pd.Series(np.repeat([0.0, 50.0], 200), index=index)
    freed = meaning.without_linear(3 * pitch + own + person, pitch)
    assert abs(np.corrcoef(freed[:200], pitch[:200])[0, 1]) < 0.1
    assert np.corrcoef(freed[:200], own[:200])[0, 1] > 0.95
    assert freed[200:].mean() - freed[:200].mean() == pytest.approx(50, abs=1)


def test_contrasts_are_within_person_and_item() -> None:
    rows = [
        {
            "subject": s,
            "item": i,
            "kind": k,
            "height": 10 * n + (2 if k == "wh" else 0) + 0.1 * m + (0.1 * n * m if k == "wh" else 0),
        }
        for n, s in enumerate("ABC")
        for m, i in enumerate("xyz")
        for k in ("wh", "statement")
    ]
    table = pd.DataFrame(rows).drop(index=[0])  # a pair that has lost its partner does not count
    values = table.set_index(["subject", "item"])[["height"]]
    kinds = pd.Series(table["kind"].to_numpy(), index=values.index)
    (found,) = meaning.paired_contrasts(values, kinds, {"wh": ("wh", "statement")}).to_dict("records")
    assert (found["pairs"], found["people"], found["people_up"]) == (8, 3, 3)
    assert found["difference"] == pytest.approx(2.1, abs=0.05)
    assert found["t"] > found["t_people"] > 2


def test_labels_are_guessed_for_people_who_taught_nothing() -> None:
    rng = np.random.default_rng(2)
    index = pd.MultiIndex.from_product(
        [["d"], list("ABCDEF"), [f"r{k}" for k in range(10)]], names=["dataset", "subject", "recording"]
    )
    labels = pd.Series(np.tile(["yes", "no"], 30), index=index)
    people = pd.Series(index.get_level_values("subject"), index=index)
    telling = np.where(labels == "yes", 1.0, -1.0)[:, None] + rng.normal(scale=0.1, size=(60, 2))
    split: list[tuple[set[str], set[str]]] = []

    def features(train, test):
        split.append((set(people.iloc[train]), set(people.iloc[test])))
        return telling[train], telling[test]

    found = meaning.tell_apart(features, labels, people, n_splits=3)
    assert all(taught.isdisjoint(tested) for taught, tested in split)
    assert meaning.accuracy(found)[0] == 100
    noise = rng.normal(size=(60, 2))
    guessed = meaning.tell_apart(lambda train, test: (noise[train], noise[test]), labels, people)
    value, low, high = meaning.accuracy(guessed)
    assert low <= value <= high
    assert 20 < value < 80


def test_codes_tell_apart_what_their_units_show(motion: pd.DataFrame, units: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    rows = []
    for person in range(4):
        for number in range(6):
            kind = ("wh", "statement")[number % 2]
            codes = rng.exponential(1, (10, 3)) + np.array([20 * (kind == "wh") + 100 * person, 0, 0])
            named = {"subject": f"P{person}", "recording": f"{kind}_{number}"}
            rows.append(make_table(codes @ units, scheme="ibug68", frames=range(10), **named))
    K = pd.concat(rows).sort_index()
    K.attrs = rows[0].attrs
    folds = models_by_fold(lambda: Given(units), K, n_splits=2)
    methods = {
        "codes": meaning.code_features(folds, K),
        "noise": meaning.measure_features(pd.DataFrame(rng.normal(size=(len(K), 1)), index=K.index, columns=["n"])),
    }
    found = meaning.told_apart(methods, K, lambda name: name.split("_")[0], n_splits=2).set_index("method")
    assert found.loc["codes", "right (%)"] == 100
    assert found.loc["noise", "right (%)"] < 80
    assert (found["chance (%)"] == 50).all()
    with pytest.raises(DfecsError, match="same numbers of splits"):
        meaning.told_apart(methods, K, lambda name: name.split("_")[0], n_splits=4)
    values, kinds = meaning.by_pair(K[["x_20"]])
    assert values.loc[("P3", "0"), "x_20"].item() > values.loc[("P0", "0"), "x_20"].item() + 250
    assert kinds.loc[("P0", "1")] == "statement"


# --- other instruments -----------------------------------------------------------------------------------------------


def test_what_units_follow_is_settled_on_the_people_who_taught(motion: pd.DataFrame, units: np.ndarray) -> None:
    codes = motion.to_numpy() @ units.T
    rng = np.random.default_rng(0)
    estimates = pd.DataFrame(
        {
            "AU01": codes[:, 1],  # one unit's code
            "AU12": codes[:, 0] + codes[:, 2] * 9,  # a sum, which no unit follows alone
            "AU25": rng.uniform(size=len(codes)),  # nothing to do with any
            "AU45": 0.0,  # never there
        },
        index=motion.index,
    )
    found = agreement(models_by_fold(lambda: Given(units), motion, n_splits=2), motion, estimates, least=2.0)
    one, all_ = (part.set_index("action unit") for _, part in found.groupby("way", sort=False))
    assert one.loc["AU01", "correlation"] == pytest.approx(1)
    assert one.loc["AU01", "auc"] == 1
    assert one.loc["AU12", "correlation"] < 0.9
    assert all_.loc["AU12", "correlation"] > 0.99
    assert abs(all_.loc["AU25", "correlation"]) < 0.4
    assert all_.loc["AU45"].drop("way").isna().all()
    with pytest.raises(DfecsError, match="no frame has an estimate"):
        agreement([], motion, estimates * np.nan)
