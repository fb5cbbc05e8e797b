"""What is said of neutral frames: which they are, how far from rest, and what makes them doubtful."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.keypoints import make_table
from dfecs_lib.preprocessing import make_preprocessor
from dfecs_lib.preprocessing.neutral_head import nearest_to_rest
from dfecs_lib.preprocessing.neutral_report import neutral_lines, neutral_report

from .test_neutral_head import SMILE, heights, modes, recording, together


def registered(*levels: float, name: str = "r", frames: np.ndarray | None = None) -> pd.DataFrame:
    """One recording whose mouth takes the given levels for 20 frames each."""
    table = recording({mode: heights(*levels) for mode in modes(SMILE)}, name=name)
    if frames is not None:
        table.index = table.index.set_levels(frames, level="frame")
    return make_preprocessor().fit_transform(table)


def warning(table: pd.DataFrame, frame: int) -> str:
    own = table[table.index.get_level_values("frame") == frame]
    own.attrs = table.attrs
    return str(neutral_report(table, own)["warning"].item())


def test_a_long_stretch_like_the_neutral_face_is_named_by_its_frames() -> None:
    said = warning(registered(4, 0, 0, 0, 0, 4), 50)  # two thirds of it
    assert "frames 20 to 99 are one long stretch like its neutral face" in said
    assert "long stretch" not in warning(registered(4, 4, 0, 0, 0, 4), 60)  # a half


def test_a_blink_does_not_end_a_stretch_and_a_longer_gap_does() -> None:
    for gap, said in ((8, "frames 0 to 66 are"), (9, "")):
        numbers = np.r_[np.arange(30), np.arange(30) + 29 + gap]
        found = warning(registered(0, 0, 0, frames=numbers), 10)
        assert said in found
        assert ("long stretch" in found) == bool(said)


def test_a_few_frames_are_no_stretch() -> None:
    few = registered(0, 0).iloc[:19]
    few.attrs = registered(0).attrs
    assert warning(few, 5) == ""
    assert "frames 0 to 19" in warning(registered(0), 5)


def report(n: int, doubtful: int) -> pd.DataFrame:
    rows = [
        ("d", "S1", f"r{k}", f"r{k}" if k else "r1", 10 + k, 1.0 + k, "a doubt" if k < doubtful else "")
        for k in range(n)
    ]
    columns = ["dataset", "subject", "recording", "neutral_recording", "frame", "distance_px", "warning"]
    return pd.DataFrame(rows, columns=columns).set_index(columns[:3])


def test_lines_name_the_first_recordings_and_count_the_others() -> None:
    assert neutral_lines(report(2, 1)) == [
        "Neutral frame of d/S1/r0: 10 of r1, 1.0 px from rest.",
        "Neutral frame of d/S1/r1: 11, 2.0 px from rest.",
        "Warning: d/S1/r0: a doubt.",
    ]
    lines = neutral_lines(report(9, 7), most=3)
    assert lines[2] == "Neutral frame of d/S1/r2: 12, 3.0 px from rest."
    assert lines[3] == "And of 6 more; 5.0 px from rest at the median."
    assert lines[-2:] == [
        "Warning: d/S1/r2: a doubt.",
        "Warning: so are the neutral faces of 4 more recordings in doubt.",
    ]
    assert len(lines) == 8
    assert len(neutral_lines(report(3, 3), most=3)) == 6  # all of them are named


def test_a_distance_that_is_not_known_is_left_out() -> None:
    nowhere = report(1, 0).assign(distance_px=np.nan)
    assert neutral_lines(nowhere) == ["Neutral frame of d/S1/r0: 10 of r1."]
    assert neutral_lines(nowhere.rename(index={"d": "", "S1": "", "r0": ""})) == [
        "Neutral frame of the recording: 10 of r1."
    ]


def test_a_recording_served_by_another_is_not_warned_of_its_frames() -> None:
    held, other = registered(4, 4, 4, name="held"), registered(0, 4, 0, name="rests")
    both = together(held, other)
    neutral = other.iloc[[5]]
    neutral.attrs = other.attrs
    assert neutral_report(both, neutral)["warning"].tolist() == ["", ""]


def test_recordings_that_lack_different_points_are_judged_each_by_itself() -> None:
    upper, lower = registered(4, 0, 4, name="upper"), registered(4, 0, 4, name="lower")
    for table, lost in ((upper, [*range(17), *range(48, 68)]), (lower, range(17, 48))):  # no point in common
        table[[f"{axis}_{k}" for k in lost for axis in "xy"]] = np.nan
    found = nearest_to_rest(together(upper, lower))
    assert sorted(key[2] for key in found) == ["lower", "upper"]
    for one in found.values():
        assert (one.row >= 0, one.reason, len(one.rows)) == (True, "", 60)


def test_of_frames_that_lack_different_points_the_most_alike_are_judged() -> None:
    table = registered(4, 0, 4)
    table.loc[table.index[:25], ["x_60", "y_60"]] = np.nan
    table.loc[table.index[25:], ["x_64", "y_64"]] = np.nan
    (found,) = nearest_to_rest(table).values()
    assert found.rows is not None
    assert found.rows.tolist() == list(range(25, 60))


@pytest.mark.parametrize("lost", [0, 1])
def test_a_recording_without_a_face_has_none_nearest_to_rest(lost: int) -> None:
    tables = [registered(0, 4, name=name) for name in ("a", "b")]
    tables[lost].iloc[:] = np.nan
    found = nearest_to_rest(together(*tables))
    reasons = {key[2]: one.reason for key, one in found.items()}
    assert reasons["ab"[lost]] == "no frame can be registered"
    assert reasons["ab"[1 - lost]] == ""


def test_people_without_a_name_are_not_taken_for_one() -> None:
    named = {name: registered(*levels, name=name) for name, levels in (("rests", (0, 4, 0)), ("smiles", (4, 5, 4)))}
    together_named = nearest_to_rest(together(*named.values()))
    nameless = nearest_to_rest(together(*named.values()).rename(index={"S1": ""}, level="subject"))
    for name, table in named.items():
        (alone,) = nearest_to_rest(table).values()
        np.testing.assert_allclose(nameless["d", "", name].distance, alone.distance)
        assert not np.allclose(together_named["d", "S1", name].distance, alone.distance)


def test_a_table_without_rows_has_no_neutral_frame() -> None:
    assert nearest_to_rest(make_table(np.empty((0, 136)), scheme="ibug68", frames=[])) == {}
