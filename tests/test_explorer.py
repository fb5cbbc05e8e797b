"""The explorer's data rebuild faces exactly as the models do, up to rounding."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dfecs_lib.baselines import PCAUnits
from dfecs_lib.errors import DfecsError
from dfecs_lib.explorer import PRESETS, explorer_data, preset_motion
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.keypoints import convert, scheme_of
from dfecs_lib.simulate import simulate
from dfecs_lib.sources import motion_of


@pytest.fixture(scope="module")
def walk():
    return motion_of(simulate("sim-ckplus"))


@pytest.fixture(scope="module")
def models(walk):
    return {
        "DFECS": FullFaceModel(5, part_variance=0.9, encoder="direct").fit(walk.motion),
        "PCA": PCAUnits(5).fit(walk.motion),
    }


@pytest.fixture(scope="module")
def found(walk, models):
    clip = walk.motion.iloc[:30]
    return explorer_data(models, walk.mean_neutral, "ibug68", clip, data="simulated", clip_data="simulated")


def test_it_is_small_json(found):
    assert len(json.dumps(found, allow_nan=False)) < 200_000


@pytest.mark.parametrize("name", ["DFECS", "PCA"])
def test_codes_times_units_give_the_models_reconstruction(walk, models, found, name):
    chosen = found["sets"][name]
    rebuilt = np.array(chosen["clip"]) @ np.array(chosen["units"]) / 100 + np.array(chosen["offset"])
    clip = walk.motion.iloc[:30]
    expected = models[name].inverse_transform(models[name].transform(clip))
    np.testing.assert_allclose(rebuilt, expected, atol=1.0)


def test_sliders_reach_every_code_and_only_signed_units_go_below_zero(found):
    for name, chosen in found["sets"].items():
        codes = np.array([*chosen["presets"].values(), *chosen["clip"]])
        assert (codes <= np.array(chosen["high"]) + 0.1).all()
        assert (codes >= np.array(chosen["low"]) - 0.1).all()
        assert (min(chosen["low"]) < 0) == (name == "PCA")


def test_presets_move_the_face_as_their_names_say():
    motion = preset_motion().to_numpy().reshape(len(PRESETS), 2, 68)
    smile, surprise = motion[list(PRESETS).index("smile")], motion[list(PRESETS).index("surprise")]
    assert smile[0, 54] > 5 > -5 > smile[0, 48]  # corners apart
    assert smile[1, 48] < -5  # and up
    assert surprise[1, 19] < -5  # brow up
    assert surprise[1, 57] > 5  # lower lip down


def test_a_clip_of_another_scheme_is_converted_and_one_without_a_face_refused(walk, models):
    other = convert(walk.motion.iloc[:10], "disfa66")
    assert scheme_of(other).n_points == 66
    made = explorer_data(models, walk.mean_neutral, "ibug68", other, data="a", clip_data="b")
    assert len(made["clip"]) == 10
    empty = walk.motion.iloc[:3] * np.nan
    empty.attrs = walk.motion.attrs
    with pytest.raises(DfecsError, match="no face"):
        explorer_data(models, walk.mean_neutral, "ibug68", empty, data="a", clip_data="b")
