"""The muscle atlas: complete, mirrored, in the frame, sourced, and independent of the simulator."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from dfecs_lib.anatomy.carried import atlas_on
from dfecs_lib.errors import DfecsError
from dfecs_lib.interpretability import load_atlas
from dfecs_lib.interpretability.scores import compliance, deviation
from dfecs_lib.keypoints.schemes import IBUG68


@pytest.fixture(scope="module")
def atlas():
    return load_atlas()


def _at(atlas, muscle, point, side=None):
    found = [p.direction for p in atlas.at(point) if p.muscle == muscle and (side is None or p.side == side)]
    assert found, f"{muscle} does not pull {point}"
    return np.array(found[0])


def test_every_keypoint_but_the_bony_ones_has_a_muscle(atlas):
    without = {k for k in range(68) if not atlas.at(k)}
    assert without == {0, 16, 27, 28, 39, 42}


def test_the_left_half_mirrors_the_right(atlas):
    pulls = {(p.muscle, p.side, p.keypoint, *np.round(p.direction, 9)) for p in atlas.pulls}
    other = {"right": "left", "left": "right", "both": "both"}
    mirrored = {
        (
            p.muscle,
            other[p.side],
            int(IBUG68.mirror[p.keypoint]),
            round(-p.direction[0], 9) + 0.0,
            round(p.direction[1], 9),
        )
        for p in atlas.pulls
    }
    assert pulls == mirrored
    x_mirrored = np.column_stack([1400 - atlas.neutral[IBUG68.mirror, 0], atlas.neutral[IBUG68.mirror, 1]])
    assert np.array_equal(atlas.neutral, x_mirrored)


def test_directions_are_unit_vectors_with_known_muscles_and_sources(atlas):
    assert np.allclose([np.hypot(*p.direction) for p in atlas.pulls], 1)
    for muscle in atlas.muscles.values():
        assert muscle.sources
        assert set(muscle.sources) <= set(atlas.sources)
        assert muscle.kind in ("muscle", "passive")
    assert {p.muscle for p in atlas.pulls} == set(atlas.muscles)


@pytest.mark.parametrize(
    ("muscle", "point", "x", "y"),
    [  # signs of the pull: x to the right of the image, y down; the subject's right side is on the image's left
        ("frontalis_medial", 21, 0, -1),
        ("frontalis_lateral", 26, 1, -1),
        ("corrugator_supercilii", 21, 1, 1),
        ("corrugator_supercilii", 22, -1, 1),
        ("levator_palpebrae_superioris", 37, 0, -1),
        ("zygomaticus_major", 48, -1, -1),
        ("zygomaticus_major", 54, 1, -1),
        ("depressor_anguli_oris", 54, 1, 1),
        ("depressor_labii_inferioris", 58, -1, 1),
        ("orbicularis_oris_pucker", 48, 1, 0),
        ("orbicularis_oris_pucker", 54, -1, 0),
        ("levator_labii_superioris_alaeque_nasi", 50, 1, -1),
        ("jaw_depressors", 8, 0, 1),
        ("mentalis", 8, 0, -1),
        ("risorius", 54, 1, 0),
    ],
)
def test_pulls_point_as_the_texts_say(atlas, muscle, point, x, y):
    dx, dy = _at(atlas, muscle, point)
    assert np.sign(np.round(dx, 6)) == x or (x == 0 and abs(dx) < 1e-6)
    assert np.sign(np.round(dy, 6)) == y or (y == 0 and abs(dy) < 0.2)


def test_a_paired_action_stays_on_the_midline(atlas):
    jaw = atlas.fields[atlas.actions.index(("jaw_depressors", "both"))]
    assert np.allclose(jaw[8], [0, 1])
    mirrored = jaw[IBUG68.mirror] * [-1, 1]
    assert np.allclose(jaw, mirrored)


def test_the_jaw_does_not_rise_but_the_chin_skin_may(atlas):
    up = np.zeros((1, 68, 2))
    up[:, :, 1] = -1
    off = deviation(up, atlas)[0]
    assert off[8] < 1e-6  # mentalis
    assert (off[[3, 4, 5]] > 60).all()  # nothing lifts the jaw line above rest


def test_admissible_share_grows_with_the_angle_to_everything(atlas):
    shares = np.array([atlas.admissible_share(a) for a in (10, 30, 90, 180)])
    assert (np.diff(shares, axis=0) >= 0).all()
    assert shares[1, 0] == 0
    assert np.isclose(shares[3, 48], 1)


def test_muscles_and_passive_parts_can_be_told_apart(atlas):
    assert {p.kind for p in atlas.only("muscle").pulls} == {"muscle"}
    assert len(atlas.only("muscle").pulls) + len(atlas.only("passive").pulls) == len(atlas.pulls)


def test_the_table_has_a_row_a_pull(atlas):
    table = atlas.table()
    assert len(table) == len(atlas.pulls)
    assert "AU12" in set(table[table.keypoint == 48].aus)


def test_the_atlas_and_the_simulator_do_not_know_each_other(root):
    library = root / "dfecs_lib"
    judges = [
        library / "anatomy" / "atlas.py",
        *(library / "interpretability" / f"{n}.py" for n in ("scores", "naming")),
    ]
    apart = dict.fromkeys(judges, "dfecs_lib.simulate")
    apart |= dict.fromkeys((library / "simulate").glob("**/*.py"), "dfecs_lib.anatomy.atlas")
    for path, other in apart.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(other in name for name in names), path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("muscles: {}", "needs frame, sources, muscles and neutral"),
        (
            "frame: {vertical_stretch: 1}\nsources: {a: b}\nneutral: {}\nmuscles:\n  m: {name: M, kind: muscle}\n",
            "'m' lacks action, aus, pulls, sources",
        ),
        (
            "frame: {vertical_stretch: 1}\nsources: {a: b}\nneutral: {}\nmuscles:\n"
            "  m: {name: M, kind: muscle, action: x, aus: [1], sources: [a], pulls: [{points: [54], angle: 0}]}\n",
            "keypoint 54; list the right half",
        ),
        (
            "frame: {vertical_stretch: 1}\nsources: {a: b}\nneutral: {}\nmuscles:\n"
            "  m: {name: M, kind: muscle, action: x, aus: [1], sources: [a], pulls: [{points: [48], angel: 0}]}\n",
            "needs 'points' and 'angle'",
        ),
    ],
)
def test_a_broken_atlas_says_what_is_wrong(tmp_path, text, says):
    (tmp_path / "atlas.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DfecsError, match=says):
        load_atlas(tmp_path / "atlas.yaml")


def test_an_absent_atlas_is_named(tmp_path):
    with pytest.raises(DfecsError, match=r"nowhere\.yaml"):
        load_atlas(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("name", ["wflw98", "mediapipe478"])
def test_a_mesh_has_the_pulls_of_the_68_and_skin_that_goes_along(name: str) -> None:
    few = load_atlas()
    mesh = atlas_on(few, name)
    scheme = mesh.scheme
    for point in range(68):
        theirs = {(p.muscle, p.side, p.direction, p.weight) for p in few.at(point)}
        assert theirs == {(p.muscle, p.side, p.direction, p.weight) for p in mesh.at(int(scheme.position(point)))}
    length = np.linalg.norm([p.direction for p in mesh.pulls], axis=1)
    np.testing.assert_allclose(length, 1)
    # As symmetric as the atlas, but for points that lie about as near to two of iBUG's.
    field = dict(zip(mesh.actions, mesh.fields, strict=True))
    right, left = field["zygomaticus_major", "right"], field["zygomaticus_major", "left"]
    away = np.abs(right[scheme.mirror] * [-1, 1] - left).max(axis=1)
    assert (away > 0.1).mean() < 0.03
    np.testing.assert_allclose(mesh.neutral[scheme.positions(range(68))], few.neutral, atol=1e-6)
    assert (compliance(mesh.fields, atlas=mesh) > 0.9).all()
    if name == "mediapipe478":
        lower = scheme.position(57)
        assert not any(p.muscle == "levator_labii_superioris" for p in mesh.at(int(lower)))
        cheeks = np.concatenate([scheme.parts["right_cheek"], scheme.parts["left_cheek"]])
        carried = {p.keypoint for p in mesh.pulls if p.muscle == "zygomaticus_major"}
        assert carried & set(cheeks.tolist())
    with pytest.raises(DfecsError, match="all 68"):
        atlas_on(few, "bp4d49")
