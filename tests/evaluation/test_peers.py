"""Peers share the interface of the full face model, and do what their names say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from dfecs_lib import keypoints as kp
from dfecs_lib.baselines import PCAUnits, PeerUnits, TwoLevelPCAUnits
from dfecs_lib.errors import DfecsError
from dfecs_lib.metrics import variance_explained

from .conftest import N_TRUE, motion, true_units

METHODS = ["sparse_pca", "dictionary", "ica", "nmf", "semi_nmf"]
MODELS = {m: lambda m=m: PeerUnits(m, N_TRUE, max_iter=50) for m in METHODS} | {
    f"two-level, {first}": lambda first=first: TwoLevelPCAUnits(first, N_TRUE, part_variance=0.9)
    for first in ("pca", "dictionary")
}


@pytest.fixture(scope="module")
def learn():
    return motion("one", n_subjects=4, seed=1)


@pytest.fixture(scope="module", params=MODELS)
def model(request, learn):
    return MODELS[request.param]().fit(learn)


def test_interface(model, learn, tmp_path) -> None:
    codes = model.transform(learn)
    assert codes.shape == (len(learn), N_TRUE)
    assert codes.index.equals(learn.index)
    assert model.components_.shape == (N_TRUE, 136)
    back = model.inverse_transform(codes)
    assert list(back.columns) == list(learn.columns)
    np.testing.assert_allclose(codes.to_numpy() @ model.components_ + model.offset_, back, atol=1e-8)
    assert 80 < variance_explained(learn, back) <= variance_explained(learn, _pca(learn)) + 0.5
    again = type(model)(**model.get_params()).fit(learn)
    np.testing.assert_array_equal(again.components_, model.components_)
    model.save(tmp_path / "units.npz")
    loaded = type(model).load(tmp_path / "units.npz")
    np.testing.assert_array_equal(loaded.transform(learn), codes)


def _pca(table):
    units = PCAUnits(N_TRUE).fit(table)
    return units.inverse_transform(units.transform(table))


def test_missing_points_and_other_schemes(model, learn) -> None:
    holed = learn.copy()
    holed.attrs = learn.attrs
    holed.iloc[0, [3, 71]] = np.nan
    holed.iloc[1] = np.nan
    codes = model.transform(holed)
    assert codes.iloc[0].notna().all()
    assert codes.iloc[1].isna().all()
    np.testing.assert_allclose(codes.iloc[2:], model.transform(learn).iloc[2:], atol=1e-9)
    assert model.transform(kp.convert(learn, "bp4d49")).notna().all(axis=None)


@pytest.mark.parametrize("method", ["nmf", "semi_nmf"])
def test_nonnegative_ones_find_the_true_units(method, learn) -> None:
    model = PeerUnits(method, N_TRUE).fit(learn)
    assert (model.transform(learn) >= 0).all(axis=None)
    assert ((true_units() @ model.components_.T).max(axis=1) > 0.9).all()


def test_ica_and_pca_span_the_same_space(learn) -> None:
    ica, pca = PeerUnits("ica", N_TRUE).fit(learn), PCAUnits(N_TRUE).fit(learn)
    np.testing.assert_allclose(ica.inverse_transform(ica.transform(learn)), _pca(learn), atol=1e-6)
    assert abs(np.linalg.matrix_rank(np.vstack([ica.components_, pca.components_]), tol=1e-6)) == N_TRUE


def test_two_level_pca_with_all_units_is_level_one(learn) -> None:
    """Level 2 with as many units as atoms loses nothing."""
    model = TwoLevelPCAUnits("pca", variance=1.0, part_variance=0.8).fit(learn)
    back = model.inverse_transform(model.transform(learn)).to_numpy()
    lips = np.r_[48:68, 116:136]
    rows = learn.to_numpy()[:, lips]
    count = sum(part == "lips" for part in model.atom_parts_)
    part = PCA(count).fit(rows)
    np.testing.assert_allclose(back[:, lips], part.inverse_transform(part.transform(rows)), atol=1e-6)
    shares = model.unit_table()
    np.testing.assert_allclose(shares.sum(axis=1), 100)


def test_threshold_takes_the_smallest_number(learn) -> None:
    model = TwoLevelPCAUnits("dictionary", variance=0.7, part_variance=0.9).fit(learn)
    n = len(model.components_)
    assert variance_explained(learn, model.inverse_transform(model.transform(learn))) >= 70
    most = TwoLevelPCAUnits("dictionary", 136, part_variance=0.9).fit(learn)
    assert len(most.components_) == len(most.atoms_) < 136
    fewer = TwoLevelPCAUnits("dictionary", n - 1, part_variance=0.9).fit(learn)
    assert variance_explained(learn, fewer.inverse_transform(fewer.transform(learn))) < 70


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (PeerUnits("kmeans", 2), "unknown method 'kmeans'"),
        (PeerUnits("ica", 0), "n_units is 0"),
        (TwoLevelPCAUnits("nmf"), "unknown level 1 'nmf'"),
        (TwoLevelPCAUnits("pca", 10_000, part_variance=0.9), "n_units is 10000"),
    ],
)
def test_bad_settings_are_named(model, words, learn) -> None:
    with pytest.raises(DfecsError, match=words):
        model.fit(learn)
    with pytest.raises(DfecsError, match="no sample weights"):
        PeerUnits("ica", 2).fit(learn, sample_weight=np.ones(len(learn)))
