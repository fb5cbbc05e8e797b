"""Schemes with more than iBUG's points go the whole road, and their 68 points as they go in a table of 68."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import Delaunay

import dfecs_lib
from dfecs_lib import keypoints
from dfecs_lib.anatomy.contours import contours
from dfecs_lib.anatomy.skin import skin
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel, load_model
from dfecs_lib.keypoints import SCHEMES, TRACKED, convert, get_scheme, make_table, points_wanted, to_points
from dfecs_lib.preprocessing import AffineRegistration, Frontalizer, PartRegistration, prepare
from dfecs_lib.simulate.action_units import CHANNELS, Face
from dfecs_lib.simulate.observe import rotation

DENSE = ["wflw98", "mediapipe468", "mediapipe478"]


def faces(scheme: str, n: int = 60, turned: float = 0.25, seed: int = 0) -> pd.DataFrame:
    """Expressions of one person, carried to all points of a scheme, turned and seen from afar."""
    rng = np.random.default_rng(seed)
    codes = rng.uniform(0, 5, (n, len(CHANNELS))) * (rng.random((n, len(CHANNELS))) < 0.15)
    codes[0] = 0
    face = skin(scheme)
    head = Face(dfecs_lib.head3d.load_head().mean)
    moved = face.mean + np.moveaxis(face.carried(np.moveaxis(head.express(codes) - head.neutral, 2, 1)), 1, 2)
    angles = rng.normal(size=(n, 3)) * turned * [0.6, 1, 0.3]
    seen = np.einsum("nij,nkj->nki", rotation(angles), moved)[..., :2]
    return make_table(3 * seen + 400, scheme=scheme, frames=range(n), dataset="d", subject="S", recording="r")


@pytest.mark.parametrize("name", list(SCHEMES))
def test_parts_hold_every_point_once_and_mirror_each_other(name: str) -> None:
    scheme = get_scheme(name)
    held = np.sort(np.concatenate(list(scheme.parts.values())))
    assert held.tolist() == list(range(scheme.n_points))
    assert (scheme.mirror[scheme.mirror] == np.arange(scheme.n_points)).all()
    mirrored = {part: part.replace("right", "L").replace("left", "right").replace("L", "left") for part in scheme.parts}
    for part, where in scheme.parts.items():
        assert sorted(scheme.mirror[where]) == sorted(scheme.parts[mirrored[part]])
    mean = skin(scheme).mean
    np.testing.assert_allclose(mean[scheme.mirror] * [-1, 1, 1], mean, atol=0.02)


@pytest.mark.parametrize("name", DENSE)
def test_points_that_stand_for_ibugs_lie_where_the_68_do(name: str) -> None:
    scheme, ibug = get_scheme(name), get_scheme("ibug68")
    face = skin(scheme)
    np.testing.assert_allclose(face.mean[scheme.positions(range(68))], skin("ibug68").mean)
    np.testing.assert_allclose(face.weights.sum(axis=1), 1)
    assert (face.weights >= 0).all()
    for part, points in ibug.parts.items():
        assert set(scheme.positions(points.tolist())) <= set(scheme.parts[part])
    for line in contours(scheme):
        steps = np.linalg.norm(np.diff(face.mean[line], axis=0), axis=1)
        assert (steps > 0).all()
        assert steps.max() < 32  # millimetres between neighbours of a drawn line


@pytest.mark.parametrize("name", DENSE)
def test_the_68_among_more_points_move_as_in_a_table_of_68(name: str) -> None:
    table = faces(name)
    more, fewer = prepare(table, scheme=TRACKED), prepare(table)
    assert more.attrs["scheme"] == name
    assert fewer.attrs["scheme"] == "ibug68"
    np.testing.assert_allclose(convert(more, "ibug68"), fewer, atol=1e-9)


def test_the_choice_is_made_once_recorded_and_kept_by_the_model(tmp_path: Path) -> None:
    table = faces("mediapipe478")
    table.to_csv(tmp_path / "a.csv")
    loaded = dfecs_lib.load(tmp_path / "a.csv", scheme=TRACKED)
    assert {"operation": "keep points", "scheme": "mediapipe478"} in loaded.keypoints.attrs["history"]
    motion = dfecs_lib.prepare(loaded)  # what load was told holds on
    assert motion.shape[1] == 956
    model = FullFaceModel(n_units=5).fit(motion)
    model.save(tmp_path / "units.npz")
    again = load_model(tmp_path / "units.npz")
    assert again.scheme_ == again.metadata_["training"]["scheme"] == "mediapipe478"
    assert set(again.atom_parts_) <= set(get_scheme("mediapipe478").parts)
    codes = dfecs_lib.workflow.encode(again, tmp_path / "a.csv")
    np.testing.assert_allclose(codes.to_numpy(), model.transform(motion).to_numpy(), atol=1e-6)
    assert dfecs_lib.prepare(dfecs_lib.load(tmp_path / "a.csv")).shape[1] == 136  # the default
    sixty_eight = make_table(np.zeros((2, 136)), scheme="ibug68", frames=[0, 1])
    with pytest.raises(DfecsError, match="points that no other scheme has"):
        again.transform(sixty_eight)


def test_a_mesh_without_irises_keeps_its_468_points() -> None:
    table = faces("mediapipe478")
    table[[f"{axis}_{k}" for axis in "xy" for k in range(468, 478)]] = np.nan
    motion = prepare(table, scheme=TRACKED)
    assert motion.attrs["scheme"] == "mediapipe468"
    assert motion.notna().all(axis=None)
    model = FullFaceModel(n_units=4).fit(motion)
    assert model.n_rows_dropped_ == 0
    back = points_wanted(motion, "mediapipe478")
    assert back.isna().all().sum() == 20
    assert points_wanted(motion, "wflw98").attrs["scheme"] == "wflw98"


def test_no_mesh_is_torn_by_registration() -> None:
    """Neighbours stay neighbours: inside the face no triangle folds, and none is drawn out."""
    table = faces("mediapipe478", turned=0.12)
    before = to_points(AffineRegistration().transform(Frontalizer().transform(table)))
    after = to_points(PartRegistration().transform(AffineRegistration().transform(Frontalizer().transform(table))))
    mean = skin("mediapipe478").mean
    inner = np.abs(mean[:, 0]) < 45
    triangles = Delaunay(mean[inner][:, :2]).simplices
    triangles = np.flatnonzero(inner)[triangles]

    def sides(points: np.ndarray) -> np.ndarray:
        corners = points[:, triangles]
        return np.linalg.norm(corners - np.roll(corners, 1, axis=2), axis=3)

    longer = np.median(sides(after), axis=0) / np.maximum(np.median(sides(before), axis=0), 10)
    assert np.quantile(longer, 0.99) < 2.5
    # What moves one part moves its neighbours alike: motion differs less between neighbours than within the face.
    motion = to_points(prepare(table, scheme=TRACKED))
    near = np.linalg.norm(np.diff(motion[:, triangles[:, :2]], axis=2), axis=3).mean()
    rng = np.random.default_rng(0)
    far = np.linalg.norm(motion[:, rng.permutation(478)] - motion, axis=2).mean()
    assert near < 0.5 * far


def test_frontal_meshes_lose_the_turn_of_the_head() -> None:
    turned, straight = faces("mediapipe478", turned=0.3), faces("mediapipe478", turned=0.0)
    truth = Frontalizer().transform(straight).to_numpy()
    raw = AffineRegistration().transform(turned).to_numpy() - AffineRegistration().transform(straight).to_numpy()
    frontal = AffineRegistration().transform(Frontalizer().transform(turned)).to_numpy()
    left = frontal - AffineRegistration().transform(truth)
    assert np.sqrt((left**2).mean()) < 0.5 * np.sqrt((raw**2).mean())


def test_a_mesh_makes_wflw_and_a_68_makes_neither() -> None:
    mesh = faces("mediapipe478")
    wflw = convert(mesh, "wflw98")
    np.testing.assert_allclose(convert(wflw, "ibug68"), convert(mesh, "ibug68"))
    pupils = to_points(wflw)[:, [96, 97]]
    lids = to_points(wflw)[:, [60, 64]].mean(axis=1)
    assert np.linalg.norm(pupils[:, 0] - lids, axis=1).max() < 30
    with pytest.raises(DfecsError, match="points that no other scheme has"):
        convert(convert(mesh, "ibug68"), "wflw98")
    with pytest.raises(DfecsError, match="unknown keypoint scheme"):
        keypoints.get_scheme("mesh")


def test_a_mesh_frame_without_some_points_keeps_the_others() -> None:
    table = faces("mediapipe478", n=12)
    lacking = table.copy()
    lacking.attrs = table.attrs
    lacking.loc[lacking.index[3], ["x_105", "y_105", "x_200", "y_200"]] = np.nan  # a point of a brow, one of the chin
    lacking.iloc[5] = np.nan
    frontal = Frontalizer().transform(lacking)
    assert frontal.iloc[3].isna().sum() == 4
    assert frontal.iloc[5].isna().all()
    assert np.nanmax(np.abs((frontal - Frontalizer().transform(table)).iloc[3])) < 15  # of a face of 800 px
    motion = prepare(lacking, scheme=TRACKED)
    assert len(motion) == 11
    assert motion.iloc[3].isna().sum() == 4
