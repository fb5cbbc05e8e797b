"""The measures of a preprocessing say what they claim, on faces where the answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from dfecs_lib.errors import DfecsError
from dfecs_lib.head3d import load_head
from dfecs_lib.keypoints import BP4D49, IBUG68
from dfecs_lib.preprocessing import AffineRegistration, Frontalizer, make_preprocessor
from dfecs_lib.preprocessing.assessment import (
    expression_r2,
    free_columns,
    frontal_error,
    mouth_and_brow_measures,
    pose_leakage,
    pose_share,
    ranges_kept,
    steady_frames,
)


@pytest.fixture(scope="module")
def course() -> dict[str, np.ndarray]:
    """One simulated person who turns and acts independently: rows, angles (degrees), intensities, true frontal rows."""
    rng, head, n = np.random.default_rng(0), load_head(), 400
    units = [
        head.expression_names.index(u) for u in ("AU12R", "AU12L", "AU25", "AU26", "AU01R", "AU01L", "AU43R", "AU43L")
    ]
    which = np.array([0, 0, 1, 2, 3, 3, 4, 4])
    intensities = np.clip(rng.normal(0, 2, (n, 5)), 0, 5)
    all_units = np.zeros((n, len(head.expression)))
    all_units[:, units] = intensities[:, which]
    shapes = head.identities(rng.normal(size=(1, len(head.identity)))) + head.expressions(all_units)
    angles = np.c_[rng.normal(0, 8, n), rng.normal(0, 12, n), rng.normal(0, 5, n)]
    turned = np.einsum("nij,nkj->nki", Rotation.from_euler("xyz", angles, degrees=True).as_matrix(), shapes)
    rows = np.concatenate([turned[:, :, 0], turned[:, :, 1]], axis=1) * 2 + 300 + rng.normal(0, 0.5, (n, 136))
    return {
        "rows": rows,
        "angles": angles,
        "units": intensities,
        "truth": np.concatenate([shapes[:, :, 0], shapes[:, :, 1]], axis=1),
    }


def test_frontalization_lowers_leakage_and_keeps_expression(course):
    registered = make_preprocessor().fit_transform(course["rows"])
    plain, truth = (make_preprocessor(frontalize=False).fit_transform(course[k]) for k in ("rows", "truth"))
    assert pose_leakage(plain, course["angles"]) > 0.6
    assert pose_leakage(truth, course["angles"]) < 0.02
    assert pose_leakage(registered, course["angles"]) < 0.25
    shares = [pose_share(v, course["angles"], course["units"]) for v in (plain, registered, truth)]
    assert shares[0] > 8 * shares[1] > 0
    assert abs(shares[2]) < 0.01
    assert expression_r2(registered, course["units"]) > expression_r2(plain, course["units"]) - 0.02
    assert expression_r2(truth, course["units"]) > 0.97
    visible = [expression_r2(v, course["units"], variance=0.95) for v in (plain, registered, truth)]
    assert min(visible[1:]) > visible[0] + 0.2


def test_published_weights_lose_expression_and_this_frontalizer_does_not(course, published):
    truth, ours, theirs = (
        AffineRegistration().fit_transform(v)
        for v in (
            course["truth"],
            Frontalizer().fit_transform(course["rows"]),
            Frontalizer("linear", published).fit_transform(course["rows"]),
        )
    )
    true = mouth_and_brow_measures(truth).to_numpy()

    def slope(faces):
        measured = mouth_and_brow_measures(faces).to_numpy()
        return [np.polyfit(true[:, j], measured[:, j], 1)[0] for j in range(true.shape[1])]

    assert min(slope(ours)) > 0.9
    assert max(slope(ours)) < 1.1
    assert min(slope(theirs)) < 0.8
    groups = np.zeros(len(true))
    assert frontal_error(ours, truth, groups)["motion"] < frontal_error(theirs, truth, groups)["motion"]


def test_shares_cannot_be_won_by_shrinking(course):
    faces = make_preprocessor(frontalize=False).fit_transform(course["rows"])
    small = 0.3 * (faces - faces.mean(axis=0))
    assert pose_share(small, course["angles"], course["units"]) == pytest.approx(
        pose_share(faces, course["angles"], course["units"])
    )
    assert pose_leakage(small, course["angles"]) == pytest.approx(pose_leakage(faces, course["angles"]))


def test_ranges_kept_are_one_without_a_change_and_tell_a_shrunk_face(course):
    faces = AffineRegistration().fit_transform(course["rows"])
    kept = ranges_kept(faces, faces, course["angles"], within=10)
    assert list(kept) == list(mouth_and_brow_measures(faces).columns)
    assert all(v == pytest.approx(1) for v in kept.values())
    half = ranges_kept(0.5 * faces, faces, course["angles"], within=10)
    assert all(v == pytest.approx(0.5) for v in half.values())


def test_steady_frames_are_where_most_frames_are():
    angles = np.r_[np.random.default_rng(0).normal(20, 1, (80, 3)), np.random.default_rng(1).normal(-20, 5, (20, 3))]
    assert steady_frames(angles, within=5)[:80].all()
    assert not steady_frames(angles, within=5)[80:].any()


def test_error_is_in_percent_of_the_eye_distance_and_motion_forgives_a_constant():
    truth = np.zeros((10, 136))
    off = truth.copy()
    off[:, :68] = 6.0
    error = frontal_error(off, truth, groups=[0] * 5 + [1] * 5)
    assert error["shape"] == pytest.approx(1.0)
    assert error["motion"] == pytest.approx(0.0)


def test_registered_points_and_lost_frames_are_not_counted(course):
    assert len(free_columns(IBUG68)) == 120
    assert len(free_columns(BP4D49)) == 2 * 43
    faces = make_preprocessor().fit_transform(course["rows"])
    broken = faces.copy()
    broken[:5] = np.nan
    assert pose_leakage(broken, course["angles"]) == pytest.approx(pose_leakage(faces[5:], course["angles"][5:]))
    table = pd.DataFrame(course["angles"])
    assert pose_leakage(faces, table) == pose_leakage(faces, course["angles"])


def test_what_cannot_be_measured_is_said(course):
    faces = make_preprocessor().fit_transform(course["rows"])
    with pytest.raises(DfecsError, match="one row a face"):
        pose_leakage(faces, course["angles"][:3])
    with pytest.raises(DfecsError, match="complete frames"):
        pose_leakage(faces[:6], course["angles"][:6])
    with pytest.raises(DfecsError, match="constant"):
        expression_r2(faces, np.zeros((len(faces), 2)))
