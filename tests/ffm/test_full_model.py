"""The full face model: constraints, encoders, missing points, schemes, files."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

from dfecs_lib import keypoints
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel, PartFaceModel, load_model
from dfecs_lib.keypoints import IBUG68
from dfecs_lib.metrics import active_units, cancellation, variance_explained

ENCODERS = ["hierarchical", "direct", "sparse", "additive"]


@pytest.fixture(scope="module")
def model(motion: pd.DataFrame) -> FullFaceModel:
    return FullFaceModel.paper(6).fit(motion)


def with_encoder(model: FullFaceModel, encoder: str, **settings: object) -> FullFaceModel:
    """The same fitted model, read another way."""
    other = FullFaceModel(**{**model.get_params(), "encoder": encoder, **settings})
    other.__dict__.update({k: v for k, v in vars(model).items() if k.endswith("_")})
    return other


def test_atoms_stay_in_their_part(model: FullFaceModel) -> None:
    for part, atom in zip(model.atom_parts_, model.atoms_, strict=True):
        outside = np.setdiff1d(np.arange(136), model.part_columns_[part])
        assert not atom[outside].any()
    assert set(model.atom_parts_) <= set(IBUG68.parts)


def test_units_are_non_negative_mixtures_of_atoms(model: FullFaceModel) -> None:
    assert (model.mixing_ >= 0).all()
    assert np.allclose(model.mixing_ @ model.atoms_, model.components_)
    assert np.allclose(np.linalg.norm(model.components_, axis=1), 1)
    assert (np.diff(model.unit_shares_) <= 0).all()


def test_threshold_sets_the_number_of_units(motion: pd.DataFrame) -> None:
    found = FullFaceModel.paper(variance=0.95).fit(motion)
    assert found.variance_explained_ >= 95
    assert (found.unit_path_["variance_explained"].iloc[:-1] < 95).all()
    assert found.unit_path_["n_units"].iloc[-1] == len(found.components_)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_encoding_explains_what_the_model_explains(model: FullFaceModel, motion: pd.DataFrame, encoder: str) -> None:
    read = with_encoder(model, encoder)
    codes = read.transform(motion)
    assert isinstance(codes, pd.DataFrame)
    assert codes.index.equals(motion.index)
    assert (codes >= 0).all(axis=None)
    back = read.inverse_transform(codes)
    assert list(back.columns) == list(motion.columns)
    assert back.attrs["scheme"] == "ibug68"
    assert variance_explained(motion, back) > 90


def test_direct_explains_no_less_than_any_other(model: FullFaceModel, motion: pd.DataFrame) -> None:
    scores = {
        encoder: variance_explained(motion, read.inverse_transform(read.transform(motion)))
        for encoder in ENCODERS
        for read in [with_encoder(model, encoder, max_active=3 if encoder in ("sparse", "additive") else None)]
    }
    assert scores["direct"] >= max(scores.values()) - 1e-9
    assert active_units(with_encoder(model, "sparse", max_active=3).transform(motion)) <= 3


def test_arrays_in_arrays_out(model: FullFaceModel, motion: pd.DataFrame) -> None:
    codes = model.transform(motion.to_numpy())
    assert isinstance(codes, np.ndarray)
    assert np.array_equal(codes, model.transform(motion).to_numpy())
    assert isinstance(model.inverse_transform(codes), np.ndarray)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_missing_points_are_passed_over(model: FullFaceModel, motion: pd.DataFrame, encoder: str) -> None:
    read = with_encoder(model, encoder)
    complete = read.transform(motion).to_numpy()
    holes = motion.copy()
    holes.iloc[3] = np.nan
    holes.iloc[5, [10, 78]] = np.nan
    holes.iloc[7, np.r_[48:68, 116:136]] = np.nan
    before = holes.copy()
    codes = read.transform(holes).to_numpy()
    assert np.isnan(codes[3]).all()
    untouched = np.setdiff1d(np.arange(len(motion)), [3, 5, 7])
    assert np.allclose(codes[untouched], complete[untouched])
    assert np.isfinite(codes[[5, 7]]).all()
    close = read.inverse_transform(codes[[5]]) - read.inverse_transform(complete[[5]])
    assert np.linalg.norm(close) < 0.2 * np.linalg.norm(motion.iloc[5])
    pd.testing.assert_frame_equal(holes, before)


def test_a_frame_without_points_does_not_spoil_training(motion: pd.DataFrame) -> None:
    holes = motion.copy()
    holes.iloc[[3, 9], 4] = np.nan
    dropped = FullFaceModel(n_units=3, n_atoms=2, alpha=1.0).fit(holes)
    assert dropped.n_rows_dropped_ == 2
    whole = FullFaceModel(n_units=3, n_atoms=2, alpha=1.0).fit(motion.drop(motion.index[[3, 9]]))
    assert np.array_equal(dropped.components_, whole.components_)


@pytest.mark.parametrize("scheme", ["disfa66", "bp4d49"])
def test_other_schemes_have_their_own_parts(motion: pd.DataFrame, scheme: str) -> None:
    table = keypoints.convert(motion, scheme)
    model = FullFaceModel(n_units=4, n_atoms=2, alpha=1.0).fit(table)
    assert model.scheme_ == scheme
    assert model.components_.shape == (4, table.shape[1])
    assert ("jaw" in model.part_alphas_) == (scheme == "disfa66")


def test_a_table_of_another_scheme_is_converted(model: FullFaceModel, motion: pd.DataFrame) -> None:
    fewer = keypoints.convert(motion, "disfa66")
    read = with_encoder(model, "direct")
    codes = read.transform(fewer)
    assert codes.shape == (len(motion), 6)
    back = read.inverse_transform(codes)
    assert variance_explained(motion, back) > 85


def test_points_that_no_frame_has_are_named(motion: pd.DataFrame) -> None:
    table = keypoints.convert(keypoints.convert(motion, "disfa66"), "ibug68")
    with pytest.raises(DfecsError, match=r"4 columns have no value.*x_60.*keypoints.convert"):
        FullFaceModel().fit(table)


def test_other_data_than_keypoints() -> None:
    X = np.random.default_rng(0).normal(size=(60, 7)) * 20
    model = FullFaceModel(n_units=3, part_variance=0.8, parts="single").fit(X)
    assert model.transform(X).shape == (60, 3)
    with pytest.raises(DfecsError, match="fit no keypoint scheme"):
        FullFaceModel().fit(X)
    own = FullFaceModel(n_units=2, part_variance=0.8, parts={"a": [0, 1], "b": [2]}).fit(X[:, :6])
    assert own.part_columns_ == {"a": [0, 1, 3, 4], "b": [2, 5]}


def test_same_seed_same_bytes_whatever_the_threads(motion: pd.DataFrame) -> None:
    one, two = (FullFaceModel(n_units=4, n_jobs=n).fit(motion) for n in (1, 2))
    assert one.components_.tobytes() == two.components_.tobytes()
    assert one.transform(motion).to_numpy().tobytes() == two.transform(motion).to_numpy().tobytes()


def test_a_saved_model_encodes_the_same(model: FullFaceModel, motion: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "units.npz"
    model.save(path, {"preprocessing": {"affine": True}})
    again = FullFaceModel.load(path)
    pd.testing.assert_frame_equal(again.transform(motion), model.transform(motion))
    assert again.metadata_ == {**model.metadata_, "preprocessing": {"affine": True}}
    assert again.get_params() == model.get_params()
    assert again.scheme_ == "ibug68"
    pd.testing.assert_frame_equal(again.part_path_, model.part_path_)
    assert isinstance(load_model(path), FullFaceModel)
    second = tmp_path / "again.npz"
    again.save(second)
    assert second.read_bytes() == path.read_bytes()


def test_broken_files_are_explained(model: FullFaceModel, motion: pd.DataFrame, tmp_path: Path) -> None:
    good = tmp_path / "good.npz"
    model.save(good)
    content = good.read_bytes()
    cases = {
        "empty.npz": b"",
        "cut.npz": content[: len(content) // 2],
        "noise.npz": bytes(range(256)) * 20,
        "text.npz": b"x_0,x_1\n1,2\n",
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DfecsError, match=name):
            FullFaceModel.load(tmp_path / name)
    with pytest.raises(DfecsError, match="no such file"):
        FullFaceModel.load(tmp_path / "none.npz")
    with pytest.raises(DfecsError, match="is a folder"):
        FullFaceModel.load(tmp_path)
    with pytest.raises(DfecsError, match="holds a FullFaceModel, not a PartFaceModel"):
        PartFaceModel.load(good)
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(DfecsError, match="not a model file"):
        FullFaceModel.load(tmp_path / "other.npz")


def test_every_damaged_byte_gives_a_model_or_a_sentence(model: FullFaceModel, tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    model.save(path)
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(content)
        for at in rng.integers(0, len(content), 3):
            damaged[at] = rng.integers(0, 256)
        path.write_bytes(damaged)
        with contextlib.suppress(DfecsError):
            assert np.isfinite(FullFaceModel.load(path).components_).all()


def test_a_pickle_inside_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    header = json.dumps({"format": "dfecs-model-1", "model": "FullFaceModel"})
    np.savez(path, header_json=np.array(header), components_=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DfecsError, match="not a readable model file"):
        FullFaceModel.load(path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variance": 95}, "give 0.95"),
        ({"n_units": 0}, "at least 1"),
        ({"encoder": "omp"}, "'hierarchical', 'direct', 'sparse'"),
        ({"encoder": "direct", "max_active": 3}, "leave out max_active"),
        ({"encoder": "hierarchical", "active": 3}, "active belongs to"),
        ({"active": 0}, "some unit must be at work"),
        ({"refine": {"alpha": 1.0}}, "prices of cancellation and locality"),
        ({"refine": {"cancellation": 1.5}}, "1 is the most"),
        ({"n_units": 3, "max_units": 4}, "max_units ends a search that n_units makes needless"),
        ({"n_atoms": 3, "max_atoms": 4}, "max_atoms ends a search that n_atoms makes needless"),
        ({"n_units": 50, "n_atoms": 1}, "50 units cannot be mixed from 7 atoms"),
        ({"search": "grid"}, "unknown search"),
        ({"parts": "halves"}, "unknown parts"),
        ({"parts": {"a": [0, 1], "b": [1]}}, "once at most"),
    ],
)
def test_bad_parameters_are_named(motion: pd.DataFrame, settings: dict[str, object], message: str) -> None:
    with pytest.raises(DfecsError, match=message):
        FullFaceModel(**settings).fit(motion)


def test_bad_data_are_named(motion: pd.DataFrame, model: FullFaceModel) -> None:
    with pytest.raises(DfecsError, match="zero everywhere"):
        FullFaceModel().fit(motion * 0)
    with pytest.raises(DfecsError, match="none of the 240 training rows is complete"):
        FullFaceModel().fit(motion.where(np.arange(136)[None] != np.arange(240)[:, None] % 136))
    with pytest.raises(DfecsError, match="fit no keypoint scheme"):
        FullFaceModel().fit(np.ones((3, 950)))
    with pytest.raises(DfecsError, match="0 sample"):
        FullFaceModel().fit(motion.iloc[:0])
    with pytest.raises(DfecsError, match="98 features"):
        model.transform(np.ones((2, 98)))


def test_an_unreachable_threshold_is_said(motion: pd.DataFrame) -> None:
    with pytest.warns(ConvergenceWarning, match="raise part_variance or max_units"):
        FullFaceModel.paper(max_units=1, n_atoms=2, alpha=1.0).fit(motion)


def test_refined_units_explain_more(motion: pd.DataFrame) -> None:
    plain = FullFaceModel(n_units=5, encoder="direct", refine=False).fit(motion)
    refined = FullFaceModel(n_units=5, encoder="direct").fit(motion)
    assert refined.refined_
    assert not plain.refined_
    assert refined.variance_explained_ > plain.variance_explained_ - 1e-6
    back = refined.inverse_transform(refined.transform(motion))
    assert variance_explained(motion, back) == pytest.approx(refined.variance_explained_)
    assert refined.unit_shares_.sum() == pytest.approx(refined.variance_explained_)
    assert np.allclose(np.linalg.norm(refined.components_, axis=1), 1)


def test_refined_units_have_no_hierarchical_codes(motion: pd.DataFrame) -> None:
    with pytest.raises(DfecsError, match="refined units need another encoder"):
        FullFaceModel.paper(refine=True).fit(motion)
    model = FullFaceModel(n_units=3, n_atoms=2, alpha=1.0, encoder="direct").fit(motion)
    with pytest.raises(DfecsError, match="were refined"):
        model.set_params(encoder="hierarchical").transform(motion)


def test_calibration_sets_the_mean_number_of_active_units(motion: pd.DataFrame) -> None:
    for encoder in ("sparse", "additive"):
        model = FullFaceModel(n_units=6, encoder=encoder).fit(motion)
        settings = model.get_params()
        for mean in (0.7, 1.5, 2.0):
            assert active_units(model.calibrate(motion, mean).transform(motion)) == pytest.approx(mean, rel=0.03)
        assert model.get_params() == settings
        with pytest.warns(UserWarning, match="whatever the penalty"):
            assert model.calibrate(motion, 5.9).encoder_alpha_ == 0


def test_calibration_where_there_is_nothing_to_set(motion: pd.DataFrame, model: FullFaceModel) -> None:
    with pytest.raises(DfecsError, match="has no penalty to set"):
        model.calibrate(motion, 2)
    with pytest.raises(DfecsError, match="at work on average"):
        with_encoder(model, "sparse").calibrate(motion, 0)


def test_summary_has_a_line_for_every_unit(model: FullFaceModel) -> None:
    lines = model.summary()
    assert list(lines.index) == list(model.get_feature_names_out())
    assert lines["variance_share"].sum() > 90
    assert lines["name"].str.len().gt(3).all()
    assert lines["active_frames"].between(0, 100).all()


def test_a_summary_is_of_the_codes_that_the_model_gives(motion: pd.DataFrame) -> None:
    model = FullFaceModel.paper(5, part_variance=0.9).fit(motion)
    codes, told = model.transform(motion), model.summary().attrs
    assert told["active_units"] == pytest.approx(active_units(codes, units=model.components_))
    assert told["cancellation"] == pytest.approx(cancellation(codes, model.components_))


def test_batches_better_the_units(motion: pd.DataFrame) -> None:
    model = FullFaceModel(n_units=5, encoder="direct", refine={"alpha": 0.0}).partial_fit(motion.iloc[:60])
    before = variance_explained(motion, model.inverse_transform(model.transform(motion)))
    for _ in range(3):
        for start in range(60, 240, 60):
            model.partial_fit(motion.iloc[start : start + 60])
    assert variance_explained(motion, model.inverse_transform(model.transform(motion))) > before
    assert np.allclose(np.linalg.norm(model.components_, axis=1), 1)
    assert not hasattr(FullFaceModel.paper(), "partial_fit")


def test_additive_batches_better_the_units(motion: pd.DataFrame) -> None:
    model = FullFaceModel(n_units=6).partial_fit(motion.iloc[:60])
    before = model.score(motion)
    for start in range(60, 240, 60):
        model.partial_fit(motion.iloc[start : start + 60])
    assert model.score(motion) > before
    with pytest.raises(DfecsError, match="sample_weight"):
        model.partial_fit(motion.iloc[:60], sample_weight=[1.0, 2.0])


def test_score_is_the_share_explained(model: FullFaceModel, motion: pd.DataFrame) -> None:
    back = model.inverse_transform(model.transform(motion))
    assert 100 * model.score(motion) == pytest.approx(variance_explained(motion, back))
    search = GridSearchCV(FullFaceModel(n_atoms=2, alpha=1.0), {"n_units": [1, 6]}, cv=2).fit(motion)
    assert search.best_params_ == {"n_units": 6}


def test_a_file_holds_nothing_of_the_run(motion: pd.DataFrame, tmp_path: Path) -> None:
    contents = []
    for jobs in (None, 1, 2):
        path = tmp_path / f"{jobs}.npz"
        FullFaceModel(n_units=4, n_jobs=jobs).fit(motion).save(path)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1] == contents[2]


def test_threads_of_blas_change_nothing(motion: pd.DataFrame) -> None:
    many = np.tile(motion.to_numpy(), (20, 1)) + np.random.default_rng(0).normal(size=(4800, 136))
    units = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            units.append(FullFaceModel.paper(4).fit(many).components_.tobytes())
    assert units[0] == units[1]
