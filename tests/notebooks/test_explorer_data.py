"""The explorer's data rebuild faces exactly as the models do, up to rounding."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dfecs_lib.baselines import FACSUnits, PCAUnits
from dfecs_lib.preprocessing import preparation
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.keypoints import convert
from dfecs_lib.models.naming import unit_names
from dfecs_lib.preprocessing import register_exemplars
from dfecs_lib.publishing.explorer import PRESETS, Clip, explorer_data, preset_motion
from dfecs_lib.simulate import exemplar_table, simulate


@pytest.fixture(scope="module")
def walk():
    return preparation(simulate("sim-ckplus"))


@pytest.fixture(scope="module")
def models(walk):
    faces = register_exemplars(exemplar_table(combinations=False), frontalize=False)
    return {
        "DFECS": FullFaceModel(5, part_variance=0.9, encoder="direct").fit(walk.motion),
        "PCA": PCAUnits(5).fit(walk.motion),
        "FACS": FACSUnits(faces.droplevel(["dataset", "subject", "frame"])).fit(),
    }


@pytest.fixture(scope="module")
def clip(walk):
    return Clip("simulated", walk.motion.iloc[:30], fps=15.0)


@pytest.fixture(scope="module")
def found(walk, models, clip):
    return explorer_data(models, walk.mean_neutral, "ibug68", [clip], data="simulated")


def test_it_is_small_json(found):
    assert len(json.dumps(found, allow_nan=False)) < 300_000


@pytest.mark.parametrize("k", range(3), ids=["DFECS", "PCA", "FACS"])
def test_codes_times_units_give_the_models_reconstruction(models, clip, found, k):
    chosen = found["sets"][k]
    model = models[chosen["name"]]
    rebuilt = np.array(chosen["clips"][0]) / 100 @ np.array(chosen["units"]) + np.array(chosen["offset"])
    np.testing.assert_allclose(rebuilt, model.inverse_transform(model.transform(clip.motion)), atol=1.0)


def test_sliders_reach_every_code_and_only_pca_goes_below_zero(found):
    for chosen in found["sets"]:
        codes = np.array([*chosen["presets"], *chosen["clips"][0]])
        assert np.abs(codes).max() <= 100
        assert chosen["signed"] == (chosen["name"] == "PCA") == bool((codes < 0).any())


def test_a_full_slider_can_be_seen(found):
    for chosen in found["sets"]:
        units = np.array(chosen["units"]).reshape(len(chosen["units"]), 2, 68)
        assert np.hypot(units[:, 0], units[:, 1]).max(axis=1).min() > 39


def test_what_is_played_is_the_clip_at_its_own_pace(walk, models, found, clip):
    (shown,) = found["clips"]
    np.testing.assert_allclose(shown["motion"], clip.motion, atol=0.051)
    assert shown["frames"] == list(clip.motion.index.get_level_values("frame"))
    assert shown["seconds"] == pytest.approx(1 / 15, abs=1e-4)
    faster = Clip("simulated", clip.motion, fps=60.0)
    data = explorer_data(models, walk.mean_neutral, "ibug68", [faster], data="", most_frames=5)
    assert data["clips"][0]["seconds"] == pytest.approx(4 / 60, abs=1e-4)
    assert data["clips"][0]["frames"] == shown["frames"][::4][:5]


def test_moments_are_frames_that_differ(found):
    (shown,) = found["clips"]
    motion = np.array(shown["motion"])
    assert int(np.linalg.norm(motion, axis=1).argmax()) in shown["moments"]
    assert len(shown["moments"]) == 3


def test_presets_move_the_face_as_their_names_say():
    motion = preset_motion().to_numpy().reshape(len(PRESETS), 2, 68)
    smile, surprise = motion[list(PRESETS).index("smile")], motion[list(PRESETS).index("surprise")]
    assert smile[0, 54] > 5 > -5 > smile[0, 48]  # corners apart
    assert smile[1, 48] < -5  # and up
    assert surprise[1, 19] < -5  # brow up
    assert surprise[1, 57] > 5  # lower lip down


def test_hints_are_the_names_of_the_units(models, found):
    of = {chosen["name"]: chosen for chosen in found["sets"]}
    assert of["DFECS"]["hints"] == unit_names(models["DFECS"])
    words = dict(zip(models["FACS"].unit_names_, of["FACS"]["hints"], strict=True))
    assert words["AU12"] == "lip corner puller"
    assert words["AU01"] == "inner brow raiser"


def test_a_clip_of_another_scheme_is_converted(walk, models):
    wide = convert(walk.motion.iloc[:10], "disfa66")
    narrow = PCAUnits(3).fit(convert(walk.motion, "disfa66"))
    neutral = convert(walk.neutral, "disfa66").mean()
    data = explorer_data({"PCA": narrow}, neutral, "disfa66", [Clip("a", walk.motion.iloc[:10])], data="")
    np.testing.assert_allclose(data["clips"][0]["motion"], wide.iloc[::2], atol=0.051)
    with pytest.raises(DfecsError, match="no complete face"):  # the inner mouth corners are not in the clip
        explorer_data(models, walk.mean_neutral, "ibug68", [Clip("a", wide)], data="")


def test_what_cannot_be_shown_is_refused(walk, models, clip):
    neutral = walk.mean_neutral
    with pytest.raises(DfecsError, match="needs a clip"):
        explorer_data(models, neutral, "ibug68", [], data="")
    with pytest.raises(DfecsError, match="not those of scheme 'disfa66'"):
        explorer_data(models, neutral, "disfa66", [clip], data="")
