"""Smoothing works in seconds, keeps to its recording, and is repeated by whoever loads the model's settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.signal import savgol_filter

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import make_table
from dfecs_lib.preprocessing import Smoothing, from_settings, make_preprocessor, settings_from_history, settings_of
from dfecs_lib.workflow import encode, train


def track(n: int, seed: int = 0, name: str = "r", step: int = 1) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(size=(n, 136)) + 400
    table = make_table(values, scheme="ibug68", frames=range(0, n * step, step), subject="S1", recording=name)
    table.attrs["frames_per_second"] = 25.0
    return table


def test_it_is_scipys_filter_over_the_seconds_asked_for() -> None:
    table = track(60)
    smooth = Smoothing(0.3).fit_transform(table)
    np.testing.assert_allclose(smooth, savgol_filter(table.to_numpy(), 7, 2, axis=0))
    assert smooth.attrs["history"][-1] == {"operation": "smooth", "seconds": 0.3, "order": 2, "frames_per_second": None}
    np.testing.assert_allclose(Smoothing(0.3, 50).transform(table.to_numpy()), savgol_filter(table, 15, 2, axis=0))
    np.testing.assert_allclose(Smoothing(0.6).transform(track(60, step=2)), smooth)  # every second frame


def test_a_parabola_in_time_stays_as_it_is() -> None:
    time = np.arange(50)[:, None]
    course = 300 + 2 * time - 0.03 * time**2 + np.arange(136)
    np.testing.assert_allclose(Smoothing(0.4, 25).fit_transform(course), course)


def test_nothing_leaks_across_recordings_gaps_or_missing_points() -> None:
    one, other = track(40, 0, "a"), track(40, 1, "b")
    both = pd.concat([one, other])
    both.attrs = one.attrs
    smooth = Smoothing(0.3).transform(both)
    pd.testing.assert_frame_equal(smooth.loc[one.index], Smoothing(0.3).transform(one), check_flags=False)
    gap = one.drop(index=one.index[18:22])
    gap.attrs = one.attrs
    lost = one.copy()
    lost.attrs = one.attrs
    lost.iloc[18:22] = np.nan
    np.testing.assert_allclose(Smoothing(0.3).transform(gap), Smoothing(0.3).transform(lost).dropna())
    np.testing.assert_allclose(Smoothing(0.3).transform(gap).iloc[:18], savgol_filter(one.iloc[:18], 7, 2, axis=0))
    point = one.copy()
    point.attrs = one.attrs
    point.iloc[20, [5, 73]] = np.nan
    found = Smoothing(0.3).transform(point)
    assert np.isnan(found.iloc[20, 5])
    assert int(found.isna().to_numpy().sum()) == 2
    np.testing.assert_allclose(found.iloc[:, 6], Smoothing(0.3).transform(one).iloc[:, 6])


def test_what_is_seen_for_less_than_a_window_stays_as_it_was_seen() -> None:
    table = track(40)
    table.iloc[:20, 5] = np.nan
    table.iloc[25:, 5] = np.nan  # five frames are left of it, and a window has seven
    found = Smoothing(0.3).transform(table)
    np.testing.assert_array_equal(found.iloc[20:25, 5], table.iloc[20:25, 5])
    np.testing.assert_allclose(found.iloc[:, 6], savgol_filter(table.iloc[:, 6], 7, 2))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_pictures_need_no_frame_rate(n: int) -> None:
    table = track(n)
    del table.attrs["frames_per_second"]
    np.testing.assert_array_equal(Smoothing(0.3).transform(table), table)


def test_order_of_rows_does_not_matter() -> None:
    table = track(40)
    mixed = table.sample(frac=1, random_state=0)
    mixed.attrs = table.attrs
    pd.testing.assert_frame_equal(Smoothing(0.3).transform(mixed).sort_index(), Smoothing(0.3).transform(table))


def test_the_frame_rate_is_stated_by_the_table_or_asked_for() -> None:
    table = track(20)
    del table.attrs["frames_per_second"]
    with pytest.raises(DfecsError, match="frames_per_second"):
        Smoothing(0.3).transform(table)
    table.attrs["history"] = [{"operation": "track", "frame_rate": 25.0}]
    np.testing.assert_allclose(Smoothing(0.3).transform(table), Smoothing(0.3, 25).transform(table))


@pytest.mark.parametrize("settings", [{"seconds": 0}, {"seconds": "x"}, {"seconds": True}, {"seconds": np.nan},
                                      {"frames_per_second": -1}, {"frames_per_second": np.inf}])  # fmt: skip
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(DfecsError, match="above 0"):
        Smoothing(**settings).fit(track(20))  # type: ignore[arg-type]  # on purpose


def test_the_settings_of_a_preprocessor_hold_it() -> None:
    preprocessor = make_preprocessor(smooth=0.3, frames_per_second=25)
    settings = settings_of(preprocessor)
    assert (settings["smooth"], settings["frames_per_second"]) == (0.3, 25.0)
    from dfecs_lib.simulate import simulate

    table = simulate("sim-ckplus").keypoints
    again = from_settings(settings)
    pd.testing.assert_frame_equal(again.fit_transform(table), preprocessor.fit_transform(table))
    assert not np.allclose(preprocessor.transform(table), make_preprocessor().transform(table))
    history = [*preprocessor.transform(table).attrs["history"], {"operation": "motion_vectors"}]
    assert settings_from_history(history) == settings
    assert "smooth" not in settings_of(make_preprocessor())
    for wrong in (True, "x", -1):
        with pytest.raises(DfecsError, match="above 0"):
            from_settings({"smooth": wrong})
    with pytest.raises(DfecsError, match="give smooth"):
        make_preprocessor(frames_per_second=25)


def test_a_model_repeats_its_smoothing_in_seconds(tmp_path: Path) -> None:
    rest = load_head().mean[None, :, :2] * 1.2 + 400
    course = np.sin(np.arange(120) / 10)[:, None] * (np.arange(68) >= 48)
    faces = np.repeat(rest, 120, axis=0)
    faces[:, :, 1] += 8 * course
    faces += np.random.default_rng(0).normal(0, 0.8, faces.shape)
    columns = make_table(faces, scheme="ibug68", frames=range(120)).reset_index(drop=True)
    columns.to_csv(tmp_path / "untimed.csv", index=False)
    columns.assign(timestamp=np.arange(120) / 50).to_csv(tmp_path / "timed.csv", index=False)
    smooth, plain = make_preprocessor(smooth=0.3), make_preprocessor()
    model = train(tmp_path / "timed.csv", preprocessor=smooth, n_units=2)
    assert model.metadata_["preprocessing"]["smooth"] == 0.3
    codes = encode(model, tmp_path / "timed.csv")
    assert "time" in codes
    pd.testing.assert_frame_equal(encode(model, tmp_path / "untimed.csv", fps=50), codes.rename({"timed": "untimed"}))
    with pytest.raises(DfecsError, match="--fps"):
        encode(model, tmp_path / "untimed.csv")
    # Over the same seconds at half the rate, half as many frames are smoothed together.
    slower = encode(model, tmp_path / "untimed.csv", fps=25)
    assert np.abs(slower.drop(columns="time") - codes.drop(columns="time").to_numpy()).to_numpy().max() > 0.5
    unsmoothed = encode(
        train(tmp_path / "timed.csv", preprocessor=plain, n_units=2), tmp_path / "timed.csv", smooth=0.3
    )
    assert unsmoothed.iloc[:, 1].diff().abs().mean() < 1.5 * codes.iloc[:, 1].diff().abs().mean()
    raw = encode(model, tmp_path / "timed.csv", smooth=0)
    assert raw.iloc[:, 1].diff().abs().mean() > 1.5 * codes.iloc[:, 1].diff().abs().mean()
