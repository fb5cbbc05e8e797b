"""Scores of one unit: what must be 1, what must be 0, what must not change."""

from __future__ import annotations

import numpy as np
import pytest
from muscle_motions import action

from dfecs_lib.interpretability import (
    coherence,
    compliance,
    cosine_match,
    load_atlas,
    locality,
    muscle_fit,
    name_muscles,
    symmetry,
    unidirectionality,
)
from dfecs_lib.interpretability.scores import ANGLES, part_energy
from dfecs_lib.keypoints.schemes import IBUG68

MUSCLES = sorted(load_atlas().muscles)


@pytest.mark.parametrize("muscle", MUSCLES)
def test_every_muscle_complies_with_itself(muscle):
    atlas = load_atlas()
    one_side = atlas.fields[next(i for i, (name, _) in enumerate(atlas.actions) if name == muscle)]
    assert compliance(one_side, 1)[0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("muscle", "has_antagonist"),
    [
        ("zygomaticus_major", False),
        ("masseter", False),
        ("frontalis_medial", True),
        ("lids_follow_gaze_down", True),
    ],
)
def test_muscles_pull_and_do_not_push(muscle, has_antagonist):
    opposite = compliance(-action(muscle), 30)[0]
    assert opposite == pytest.approx(1) if has_antagonist else opposite < 0.5


def test_a_smile_reversed_is_not_a_jaw_that_opens():
    smile = action("zygomaticus_major")
    assert compliance(-smile)[0] < 0.3
    assert compliance(-smile, acting=False)[0] > compliance(-smile)[0]


def test_what_no_muscle_moves_does_not_comply():
    m = np.zeros((3, 68, 2))
    m[0, 27:29] = 5, 0  # the nose bridge sideways
    m[1, [3, 4, 12, 13]] = 0, -5  # the jaw line rises
    m[2, [37, 38, 43, 44]] = 5, 0  # upper lids slide sideways
    assert np.array_equal(compliance(m), [0, 0, 0])


def test_the_curve_rises_to_one_where_every_point_has_a_muscle():
    rng = np.random.default_rng(0)
    m = np.zeros((20, 68, 2))
    m[:, 17:27] = rng.normal(size=(20, 10, 2))
    curve = compliance(m, [*ANGLES, 180])
    assert curve.shape == (20, len(ANGLES) + 1)
    pointwise = compliance(m, [*ANGLES, 180], acting=False)
    assert (np.diff(pointwise, axis=1) >= 0).all()
    assert np.allclose(curve[:, -1], 1)


def test_scores_do_not_depend_on_size_and_mirror():
    rng = np.random.default_rng(1)
    m = rng.normal(size=(30, 68, 2))
    mirrored = m[:, IBUG68.mirror] * [-1, 1]
    for score in (compliance, coherence, locality, symmetry, lambda x: muscle_fit(x)[0]):
        assert np.allclose(score(m), score(m * 7.5))
        assert np.allclose(score(m), score(mirrored))


def test_a_still_unit_has_no_score():
    still = np.zeros((1, 68, 2))
    for score in (compliance, coherence, locality, symmetry, lambda x: muscle_fit(x)[0]):
        assert np.isnan(score(still)).all()


def test_coherence_locality_symmetry_at_their_ends():
    shift = np.zeros((1, 68, 2))
    shift[:, 48:68] = 0, 1
    assert coherence(shift)[0] == pytest.approx(1)
    assert locality(shift)[0] == pytest.approx(1)
    assert part_energy(shift)[0, 6] == pytest.approx(1)
    assert symmetry(shift)[0] == pytest.approx(1)
    sideways = shift[..., ::-1]
    assert symmetry(sideways)[0] == pytest.approx(-1)
    one_brow = np.zeros((1, 68, 2))
    one_brow[:, 17:22] = 0, -1
    assert symmetry(one_brow)[0] == pytest.approx(0)
    brows = one_brow + one_brow[:, IBUG68.mirror]
    assert locality(brows)[0] == pytest.approx(2)
    zigzag = shift * np.where(np.arange(68) % 2, 1, -1)[:, None]
    assert coherence(zigzag)[0] < 0


def test_unidirectionality_of_codes():
    codes = np.array([[1.0, 1.0, 0.0, -2.0], [2.0, -1.0, 0.0, -1.0]])
    found = unidirectionality(codes)
    assert np.allclose(found[[0, 1, 3]], [1, 0.5, 1])
    assert np.isnan(found[2])


def test_muscle_fit_recovers_mixtures_of_muscles():
    atlas = load_atlas()
    rng = np.random.default_rng(2)
    weights = rng.gamma(1, 1, (40, len(atlas.actions))) * (rng.random((40, len(atlas.actions))) < 0.1)
    motion = np.tensordot(weights, atlas.fields, 1)
    motion = motion[np.square(motion).sum((1, 2)) > 0]
    share, activation = muscle_fit(motion)
    assert np.allclose(share, 1)
    assert (activation >= 0).all()
    # The optimum of a convex problem: no direction of descent is left on the full design (Karush-Kuhn-Tucker).
    noisy = motion + rng.normal(0, 0.3, motion.shape)
    share, activation = muscle_fit(noisy)
    fields = atlas.fields.reshape(len(atlas.actions), -1)
    fields = fields / np.linalg.norm(fields, axis=1, keepdims=True)
    target = noisy.reshape(len(noisy), -1)
    target = target / np.linalg.norm(target, axis=1, keepdims=True)
    gradient = (activation @ fields - target) @ fields.T
    assert gradient.min() > -1e-9
    assert np.abs(gradient[activation > 0]).max() < 1e-9
    assert np.allclose(share, 1 - np.square(activation @ fields - target).sum(1))


def test_units_are_named_by_few_muscles_and_their_sides():
    both = name_muscles(action("zygomaticus_major"))
    assert both == ["Zygomaticus major (both sides)"]
    atlas = load_atlas()
    left = atlas.fields[atlas.actions.index(("corrugator_supercilii", "left"))]
    assert name_muscles(left) == ["Corrugator supercilii (left)"]
    mixed_ = name_muscles(action("jaw_depressors") + action("frontalis_lateral"))
    assert {n.split(" (")[0] for n in mixed_} == {"Jaw opening", "Frontalis, lateral part"}
    assert name_muscles(np.zeros((68, 2))) == []


def test_cosine_match_names_the_nearest_and_minds_the_sign():
    dictionary = np.stack([action("jaw_depressors"), action("zygomaticus_major")])
    best, which = cosine_match(np.stack([3 * dictionary[1], -dictionary[0]]), dictionary)
    assert which[0] == 1
    assert best[0] == pytest.approx(1)
    assert best[1] < 1
    assert cosine_match(-dictionary[:1], dictionary, signed=True)[0][0] == pytest.approx(1)
