"""Every estimator and metric against odd arrays: an answer of the right shape without infinities, or one sentence."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from dfecs_lib import metrics
from dfecs_lib.baselines import PCAUnits, PeerUnits
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel, PartFaceModel
from dfecs_lib.keypoints import make_table
from dfecs_lib.neutral import choose_neutral
from dfecs_lib.preprocessing import AffineRegistration, Frontalizer, KeypointMotion, PartRegistration

N = 30
RNG = np.random.default_rng(0)
GOOD = RNG.exponential(20, (N, 4)) @ RNG.normal(size=(4, 136)) / 5


def with_one(value: float) -> np.ndarray:
    values = GOOD.copy()
    values[3, 5] = value
    return values


#: Arrays that anybody may hand over; of the first kind there is nothing to learn from, and fitting units says so.
NOTHING: dict[str, object] = {
    "all missing": GOOD * np.nan,
    "no frame": GOOD[:0],
    "one row": GOOD[0],
    "three axes": GOOD.reshape(N, 68, 2),
    "nothing": None,
    "a text": "abc",
    "ragged": [[1.0], [1.0, 2.0]],
    "words": [["a"] * 136] * 3,
    "scale 1e150": GOOD * 1e150,
    "scale 1e200": GOOD * 1e200,
}
SOMETHING: dict[str, object] = {
    "one infinite": with_one(np.inf),
    "one missing": with_one(np.nan),
    "seven columns": GOOD[:, :7],
    "zero": GOOD * 0,
    "one frame": GOOD[:1],
    "constant": np.ones_like(GOOD),
    "duplicates": np.repeat(GOOD[:1], N, axis=0),
    "scale 1e9": GOOD * 1e9,
    "scale 1e-9": GOOD * 1e-9,
    "float32": GOOD.astype("f4"),
    "integers": GOOD.astype(int),
    "objects": GOOD.astype(object),
    "texts of numbers": GOOD.astype(str),
}
#: The same numbers written otherwise: the answer is that of the plain array.
OTHERWISE = ("float32", "objects", "texts of numbers")
UNITS: dict[str, Callable[[], BaseEstimator]] = {
    "full": lambda: FullFaceModel(n_units=2, n_atoms=2, alpha=1.0),
    "part": lambda: PartFaceModel(n_atoms=2, alpha=1.0),
    "pca": lambda: PCAUnits(2),
    "ica": lambda: PeerUnits("ica", n_units=2),
}
STEPS: dict[str, Callable[[], BaseEstimator]] = {
    "affine": AffineRegistration,
    "parts": PartRegistration,
    "frontal": Frontalizer,
    "motion": KeypointMotion,
}


def answered(call: Callable[[], object]) -> np.ndarray | None:
    """What it gives, or None when it is refused in one sentence; anything else fails the test."""
    refusal = "refused"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a warning is an answer too
            return np.asarray(call(), dtype=np.float64)
    except DfecsError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert len(refusal) < 5000  # scikit-learn quotes the array
    return None


@pytest.mark.parametrize("case", NOTHING | SOMETHING)
@pytest.mark.parametrize("name", UNITS)
def test_units(name: str, case: str) -> None:
    X = (NOTHING | SOMETHING)[case]
    codes = answered(lambda: UNITS[name]().fit(X).transform(X))
    if case in NOTHING:
        assert codes is None
    if codes is not None:
        assert len(codes) == len(X)  # type: ignore[arg-type]
        assert not np.isinf(codes).any()


@pytest.mark.parametrize("case", OTHERWISE)
@pytest.mark.parametrize("name", UNITS | STEPS)
def test_numbers_written_otherwise_are_the_same_numbers(name: str, case: str) -> None:
    made = (UNITS | STEPS)[name]
    wanted = made().fit(GOOD).transform(GOOD)
    found = made().fit(SOMETHING[case]).transform(SOMETHING[case])
    np.testing.assert_allclose(found, wanted, atol=1e-3 * np.nanmax(np.abs(wanted)))


@pytest.mark.parametrize("case", NOTHING | SOMETHING)
@pytest.mark.parametrize("name", STEPS)
def test_steps_of_preprocessing(name: str, case: str) -> None:
    X = (NOTHING | SOMETHING)[case]
    moved = answered(lambda: STEPS[name]().fit(X).transform(X))
    if moved is not None:
        assert moved.shape == np.shape(X)
        assert not np.isinf(moved).any()


SHARES = (metrics.variance_explained, metrics.norm_variance_explained, metrics.frame_variance_explained)


@pytest.mark.parametrize("case", NOTHING | SOMETHING)
def test_metrics(case: str) -> None:
    X = (NOTHING | SOMETHING)[case]
    for share in SHARES:
        found = answered(lambda share=share: share(X, X))
        if case in SOMETHING:
            wanted = np.nan if case == "zero" else 100
            assert found == pytest.approx(wanted, nan_ok=True)
        assert found is None or np.isnan(found) or found == pytest.approx(100)
    for count in (metrics.active_units, metrics.sparsity):
        found = answered(lambda count=count: count(X))
        assert found is None or 0 <= found <= 136
        if case in OTHERWISE:
            assert found == count(GOOD)
    found = answered(lambda: metrics.symmetry(X))
    assert found is None or (np.abs(found[np.isfinite(found)]) <= 1 + 1e-9).all()


@pytest.mark.parametrize("threshold", ["0.5", None, True, float("nan"), [1.0], {}])
def test_thresholds_are_numbers(threshold: object) -> None:
    for count in (metrics.active_units, metrics.sparsity, metrics.active_per_frame):
        with pytest.raises(DfecsError, match=r"threshold is .*, but a number is needed"):
            count(GOOD, threshold)  # type: ignore[operator]


@pytest.mark.parametrize("points", ["mouth", ["a"], [1.5], [None], [10**30], [-1], np.ones(3, dtype=bool)])
def test_keypoints_that_are_none(points: object) -> None:
    with pytest.raises(DfecsError, match="keypoint"):
        metrics.variance_explained(GOOD, GOOD, points)  # type: ignore[arg-type]


NO_ARRAYS: dict[str, object] = {
    "one row": GOOD[0],
    "three axes": GOOD[None],
    "a number": 5.0,
    "nothing": None,
    "objects": np.full(GOOD.shape, object()),
    "complex": GOOD * 1j,
    "words": [["a", "b"], ["c", "d"]],
    "rows of different lengths": [[1.0, 2.0], [3.0]],
    "a mapping": {"a": 1},
    "infinite": np.where(GOOD > 1, np.inf, GOOD),
}


@pytest.mark.parametrize("what", NO_ARRAYS)
def test_what_is_no_array_of_motion_is_refused_in_one_short_sentence(what: str) -> None:
    fitted = PCAUnits(2).fit(GOOD)
    for use in (PCAUnits(2).fit, fitted.transform):
        with pytest.raises(DfecsError, match=r"^the data cannot be used: ") as caught:
            use(NO_ARRAYS[what])  # type: ignore[arg-type]
        assert len(str(caught.value)) < 200
        assert "array=" not in str(caught.value)


@pytest.mark.parametrize("weights", [[1, 2], ["a"] * len(GOOD), -np.ones(len(GOOD)), np.ones((len(GOOD), 2)), [1j]])
def test_weights_that_are_none_are_refused(weights: object) -> None:
    with pytest.raises(DfecsError, match=r"^sample_weight cannot be used: "):
        PCAUnits(2).fit(GOOD, sample_weight=weights)  # type: ignore[arg-type]


def test_symmetry_is_of_the_motion_whatever_its_size() -> None:
    for scale in (1e-200, 1e-9, 1e9, 1e200):
        np.testing.assert_allclose(metrics.symmetry(GOOD * scale), metrics.symmetry(GOOD))
    assert len(metrics.symmetry(np.empty((0, 136)))) == 0


@pytest.mark.parametrize(
    "settings",
    [
        *({"method": 3}, {"method": None}, {"frame": "x"}, {"frame": True}, {"frame": 1.5}, {"frame": [1]}),
        *({"frame": {}}, {"frame": {"a": 1}}, {"frame": {("", "", ""): 1.5}}, {"frame": {("", "", ""): "1"}}),
    ],
)
def test_neutral_faces_by_wrong_words(settings: dict[str, object]) -> None:
    table = make_table(RNG.uniform(0, 100, (5, 136)), scheme="ibug68", frames=range(5))
    with pytest.raises(DfecsError):
        choose_neutral(table, **settings)  # type: ignore[arg-type]
