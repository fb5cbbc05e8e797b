"""PCA units and FACS units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from dfecs_lib import keypoints
from dfecs_lib.baselines import FACSUnits, PCAUnits
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import load_model
from dfecs_lib.metrics import active_units, variance_explained


def labelled(n: int = 300, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Motion of two subjects, made from known units, and its labels."""
    rng = np.random.default_rng(seed)
    units = rng.normal(size=(3, 136))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    marks = rng.integers(0, 6, (n, 3)).astype(float)
    index = pd.MultiIndex.from_arrays(
        [["d"] * n, np.repeat(["s1", "s2"], n // 2), ["r"] * n, range(n)], names=keypoints.INDEX_NAMES
    )
    motion = pd.DataFrame(
        20 * marks @ units + rng.normal(scale=0.2, size=(n, 136)), index, list(keypoints.IBUG68.columns)
    )
    motion.attrs = {"scheme": "ibug68", "history": []}
    return motion, pd.DataFrame(marks, index, ["AU01", "AU12", "AU25"]), units


def test_pca_is_that_of_scikit_learn() -> None:
    motion, _, _ = labelled()
    ours, theirs = PCAUnits(2).fit(motion), PCA(2).fit(motion.to_numpy())
    assert np.allclose(np.abs(np.sum(ours.components_ * theirs.components_, axis=1)), 1)
    back = theirs.inverse_transform(theirs.transform(motion.to_numpy()))
    assert np.allclose(ours.inverse_transform(ours.transform(motion)), back)
    assert ours.variance_explained_ == pytest.approx(variance_explained(motion, back))


def test_pca_takes_the_smallest_number_that_is_enough() -> None:
    motion, _, _ = labelled()
    found = PCAUnits(variance=0.95).fit(motion)
    assert found.variance_explained_ >= 95
    assert PCAUnits(len(found.components_) - 1).fit(motion).variance_explained_ < 95


def test_pca_of_missing_points() -> None:
    motion, _, _ = labelled()
    model = PCAUnits(3).fit(motion)
    holes = motion.copy()
    holes.iloc[0, :10] = np.nan
    holes.iloc[1] = np.nan
    codes = model.transform(holes)
    assert np.allclose(codes.iloc[0], model.transform(motion).iloc[0], atol=1.0)
    assert codes.iloc[1].isna().all()
    assert model.fit(holes).n_rows_dropped_ == 2


def test_pca_weights_are_repetitions() -> None:
    motion, _, _ = labelled(100)
    weights = np.r_[np.full(50, 2.0), np.ones(50)]
    a = PCAUnits(3).fit(motion, sample_weight=weights)
    b = PCAUnits(3).fit(np.concatenate([motion[:50], motion]))
    assert np.allclose(a.components_, b.components_)
    assert np.allclose(a.mean_, b.mean_)


def test_more_components_than_there_are_is_refused() -> None:
    motion, _, _ = labelled()
    with pytest.raises(DfecsError, match="n_units is 200"):
        PCAUnits(200).fit(motion)


@pytest.mark.parametrize("per_subject", [False, True])
def test_facs_units_are_found_from_labels(per_subject: bool) -> None:
    motion, marks, units = labelled()
    model = FACSUnits(per_subject=per_subject).fit(motion, action_units=marks)
    assert model.unit_names_ == ["AU01", "AU12", "AU25"]
    assert (np.sum(model.components_ * units, axis=1) > 0.99).all()
    codes = model.transform(motion)
    assert list(codes.columns) == model.unit_names_
    assert np.corrcoef(codes["AU12"], marks["AU12"])[0, 1] > 0.98


def test_facs_labels_are_matched_by_index_and_gaps_left_out() -> None:
    motion, marks, _ = labelled()
    marks = marks.iloc[::-1].copy()
    marks.iloc[0, 1] = np.nan
    marks["AU43"] = 0.0
    model = FACSUnits().fit(motion, marks)
    assert model.n_rows_dropped_ == 1
    assert "AU43" not in model.unit_names_


def test_facs_units_from_exemplars(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    neutral = rng.uniform(0, 500, (68, 2))
    faces = {"0": neutral}
    for name in ("1", "12", "6+12"):
        face = neutral.copy()
        face[rng.integers(0, 68, 3)] += 10
        faces[name] = face
    model = FACSUnits(faces, encoder="sparse", max_active=1).fit()
    assert model.unit_names_ == ["AU01", "AU12", "AU06+12"]
    assert np.allclose(np.linalg.norm(model.components_, axis=1), 1)
    codes = model.transform(7 * model.components_)
    assert np.allclose(codes, 7 * np.eye(3))
    assert active_units(codes) == 1
    table = pd.DataFrame([keypoints.from_points(f[None])[0] for f in faces.values()], index=list(faces))
    assert np.allclose(FACSUnits(table).fit().components_, model.components_)
    path = tmp_path / "facs.npz"
    model.save(path)
    again = load_model(path)
    assert isinstance(again, FACSUnits)
    assert np.array_equal(again.transform(7 * model.components_), codes)
    assert list(again.get_feature_names_out()) == model.unit_names_


def test_what_facs_units_need_is_said() -> None:
    motion, marks, _ = labelled()
    with pytest.raises(DfecsError, match="need exemplars, or motion"):
        FACSUnits().fit(motion)
    with pytest.raises(DfecsError, match="neutral"):
        FACSUnits({"12": np.zeros(136)}).fit()
    with pytest.raises(DfecsError, match="ever active"):
        FACSUnits().fit(motion, marks * 0)
    with pytest.raises(DfecsError, match="share no frame"):
        FACSUnits().fit(motion, marks.iloc[:0])
    with pytest.raises(DfecsError, match="names the subject"):
        FACSUnits(per_subject=True).fit(motion.to_numpy(), marks)
