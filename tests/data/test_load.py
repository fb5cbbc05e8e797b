"""Sources by name: real clips, files, simulated data, and a sentence for everything else."""

from __future__ import annotations

import pytest

from dfecs_lib import load
from dfecs_lib.data.load import describe, split_names
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import stack
from dfecs_lib.preprocessing import preparation


def test_lists_and_texts_name_the_same_sources():
    assert split_names("a, b@0") == split_names(["a", "b@0"]) == ["a", "b@0"]


def test_a_file_is_read_and_its_neutral_frame_can_be_named(samples):
    data = load(f"{samples / 'openface_sample.csv'}@5")
    assert data.neutral.index.get_level_values("frame").tolist() == [5]
    walk = preparation(data)
    assert abs(walk.motion.xs(5, level="frame").to_numpy()).max() == 0


def test_simulated_data_are_called_simulated_and_real_ones_real():
    assert describe("sim-disfa").startswith("simulated faces")
    assert describe("clips/single_face@0") == "real faces, the clip single_face"


def test_a_dataset_with_neutral_frames_of_its_own_takes_no_other():
    with pytest.raises(DfecsError, match="its own neutral frames"):
        load("sim-ckplus@3")


def test_one_subject_of_a_dataset_keeps_its_neutral_frame():
    whole = load("sim-disfa")
    subject = whole.subjects[0]
    part = load(f"sim-disfa/{subject}")
    assert part.subjects == [subject]
    assert len(part.neutral) == 1
    assert len(preparation(part).motion) > 0


@pytest.mark.parametrize("name", ["nonsense", "sim-disfa/nobody", "missing.csv"])
def test_what_nobody_goes_by_is_said_in_one_sentence(name):
    with pytest.raises(DfecsError):
        load(name)


def test_tables_of_different_schemes_or_the_same_frames_are_not_stacked():
    walk, other = preparation(load("sim-ckplus")), preparation(load("sim-bp4d"))
    with pytest.raises(DfecsError, match="schemes"):
        stack([walk.motion, other.motion])
    with pytest.raises(DfecsError, match="same frames"):
        stack([walk.motion, walk.motion])
