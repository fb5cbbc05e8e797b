"""What smoothing costs and gains: tremble, variance explained, units, onset times, blinks; against the One-Euro filter.

python benchmarks/smoothing.py [--tracks RAW.parquet …]

Raw tracks with a frame rate (``attrs["frames_per_second"]`` or a tracker's); a table may hold many people.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from _results import write
from sklearn.decomposition import PCA

from dfecs_lib import keypoints
from dfecs_lib.preprocessing import make_preprocessor
from dfecs_lib.preprocessing.neutral import choose_neutral
from dfecs_lib.preprocessing.smoothing import Smoothing, frame_rate
from dfecs_lib.simulate import simulate

LEVELS = ["dataset", "subject", "recording"]
SECONDS = (0.2, 0.3, 0.5)
Filter = Callable[[pd.DataFrame], pd.DataFrame]


def one_euro(table: pd.DataFrame, fps: float, least: float, beta: float, both: bool = True) -> pd.DataFrame:
    """G. Casiez and others, CHI 2012; `least` in Hz, `beta` in Hz for a px a frame's time; `both`: there and back."""

    def run(values: np.ndarray) -> np.ndarray:
        out, speed = values.copy(), np.zeros(values.shape[1])
        slow = 1 / (1 + fps / (2 * np.pi))
        for i in range(1, len(values)):
            speed += slow * ((values[i] - values[i - 1]) * fps - speed)
            alpha = 1 / (1 + fps / (2 * np.pi * (least + beta * np.abs(speed))))
            out[i] = out[i - 1] + alpha * (values[i] - out[i - 1])
        return out

    parts = []
    for _, part in table.groupby(level=LEVELS, sort=False):
        values = run(part.to_numpy())
        parts.append(run(values[::-1])[::-1] if both else values)
    return pd.DataFrame(np.concatenate(parts), index=table.index, columns=table.columns)


def centred(table: pd.DataFrame) -> pd.DataFrame:
    return table - table.groupby(level=LEVELS).transform("mean")


def lengths(table: pd.DataFrame) -> pd.DataFrame:
    """Mouth opening, mouth width, brow height and eye opening of registered faces, px."""

    def mean(axis: str, *points: int) -> np.ndarray:
        return table[[f"{axis}_{p}" for p in points]].to_numpy().mean(axis=1)

    return pd.DataFrame(
        {
            "mouth_opening": mean("y", 57) - mean("y", 51),
            "mouth_width": mean("x", 54) - mean("x", 48),
            "brow_height": -mean("y", 19, 20, 23, 24),
            "eye_opening": mean("y", 40, 41, 46, 47) - mean("y", 37, 38, 43, 44),
        },
        index=table.index,
    )


def half_times(course: np.ndarray, guess: np.ndarray, fps: float) -> list[float]:
    """For every rise of `course` by over 20 px within a second: by how many ms `guess` is late at half of it."""
    late, n, i = [], round(fps), 0
    while i + n < len(course):
        rise = course[i + n] - course[i]
        if rise > 20 and course[i : i + n].max() <= course[i + n] + 2:
            middle = (course[i] + course[i + n]) / 2
            below = [c[i : i + n + 1] < middle for c in (course, guess)]
            crossings = [np.flatnonzero(low[:-1] & ~low[1:]) for low in below]
            if all(len(c) == 1 for c in crossings):
                at = [
                    c[0] + (middle - v[i + c[0]]) / (v[i + c[0] + 1] - v[i + c[0]])
                    for c, v in zip(crossings, (course, guess), strict=True)
                ]
                late.append(1000 * (at[1] - at[0]) / fps)
            i += n
        else:
            i += 1
    return late


def blink_depth(course: np.ndarray, guess: np.ndarray, fps: float) -> list[float]:
    """For every brief closing of the eye in `course`: the share of its depth that `guess` shows."""
    kept, n = [], round(0.3 * fps)
    for i in range(n, len(course) - n):
        around = course[i - n : i + n + 1]
        open_ = min(course[i - n], course[i + n])
        depth = open_ - course[i]
        if course[i] == around.min() and depth > 15 and abs(course[i - n] - course[i + n]) < 0.3 * depth:
            base = min(guess[i - n], guess[i + n])
            kept.append((base - guess[i - 1 : i + 2].min()) / depth)
    return kept


def explained(motion: dict[str, pd.DataFrame], components: int, targets: dict[str, pd.DataFrame]) -> float:
    """VE of PCA units on people left out, five folds; units from `motion`, judged on `targets`."""
    people = sorted(motion)
    left = total = 0.0
    for k in range(min(5, len(people))):
        test = people[k::5]
        train = np.concatenate([motion[p].to_numpy() for p in people if p not in test])
        pca = PCA(components, random_state=0).fit(train)
        for p in test:
            x = targets[p].to_numpy()
            left += float(((x - pca.inverse_transform(pca.transform(x))) ** 2).sum())
            total += float((x**2).sum())
    return 100 * (1 - left / total)


def registered(raw: pd.DataFrame) -> pd.DataFrame:
    """Registered faces by their iBUG numbers; points that no face has are 0 and never move."""
    faces = keypoints.convert(make_preprocessor().fit_transform(raw), "ibug68")
    return faces.fillna(dict.fromkeys(faces.columns[faces.isna().all()], 0.0))


def motions(faces: pd.DataFrame, frames: pd.Index) -> dict[str, pd.DataFrame]:
    whole = faces.loc[frames]
    rest = choose_neutral(faces).droplevel("frame")
    moved = whole - rest.reindex(whole.index.droplevel("frame")).to_numpy()
    return {str(s): part for s, part in moved.groupby(level="subject")}


def filters(fps: float) -> dict[str, tuple[Filter, bool]]:
    """Name -> (filter, whether it goes before registration)."""
    found: dict[str, tuple[Filter, bool]] = {"none": (lambda t: t, False)}
    for s in SECONDS:
        found[f"Savitzky-Golay {s} s, raw"] = (Smoothing(s, fps).fit_transform, True)
        found[f"Savitzky-Golay {s} s, registered"] = (Smoothing(s, fps).fit_transform, False)
    for least, beta in ((2.0, 0.01), (3.0, 0.02), (4.0, 0.04)):
        found[f"One-Euro {least} Hz {beta}, there and back"] = (
            partial(one_euro, fps=fps, least=least, beta=beta),
            False,
        )
    found["One-Euro 3.0 Hz 0.02, causal"] = (partial(one_euro, fps=fps, least=3.0, beta=0.02, both=False), False)
    return found


def rows_for(raw: pd.DataFrame, fps: float, clean: pd.DataFrame | None) -> dict[str, dict[str, float]]:
    plain = registered(raw)
    plain = plain[plain.notna().all(axis=1)]
    frames = plain.index
    reference = plain if clean is None else clean.loc[frames]
    measures = lengths(reference)
    found: dict[str, dict[str, float]] = {}
    targets: dict[str, pd.DataFrame] = {}
    for name, (run, before) in filters(fps).items():
        faces = registered(run(raw)).loc[frames] if before else run(plain)
        faces.attrs = {"scheme": "ibug68", "history": []}
        moved = motions(faces, frames)
        if name == "none":
            targets = moved
        seen = lengths(faces)
        late: list[float] = []
        kept: list[float] = []
        for _, part in measures.groupby(level=LEVELS):
            mine = seen.loc[part.index]
            for column in ("mouth_opening", "mouth_width", "brow_height"):
                late += half_times(part[column].to_numpy(), mine[column].to_numpy(), fps)
            kept += blink_depth(part["eye_opening"].to_numpy(), mine["eye_opening"].to_numpy(), fps)
        row = {
            "step_px": float(np.sqrt((faces.groupby(level=LEVELS).diff() ** 2).mean().mean())),
            "ve_pca8": explained(moved, 8, moved),
            "ve_pca16": explained(moved, 16, moved),
            "ve_pca8_of_unsmoothed": explained(moved, 8, targets),
            "ve_pca16_of_unsmoothed": explained(moved, 16, targets),
            "onset_ms_mean": float(np.mean(late)) if late else float("nan"),
            "onset_ms_sd": float(np.std(late)) if late else float("nan"),
            "onsets": len(late),
            "blink_depth_kept": float(np.median(kept)) if kept else float("nan"),
            "blinks": len(kept),
        }
        if clean is not None:
            true = centred(reference)
            row["error_percent"] = float(
                100 * ((centred(faces) - true) ** 2).to_numpy().sum() / (true**2).to_numpy().sum()
            )
        found[name] = {k: round(v, 2) for k, v in row.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", nargs="*", default=[], help="Parquet tables of raw tracks")
    asked = parser.parse_args()
    results: dict[str, object] = {}
    for noise in (1.0,):
        raw, clean = (simulate("sim-bp4d", "paper", noise=n).keypoints for n in (noise, 0.0))
        people = sorted(set(raw.index.get_level_values("subject")))[:5]
        raw, clean = (t[t.index.get_level_values("subject").isin(people)] for t in (raw, clean))
        results[f"sim-bp4d, five people, noise {noise}"] = rows_for(raw, 25.0, registered(clean))
    for path in asked.tracks:
        raw = keypoints.load(path)
        fps = frame_rate(raw)
        assert fps is not None, f"{path} does not say its frame rate"
        results[Path(path).stem] = rows_for(raw, fps, None)
    path = write("smoothing", {"about": __doc__, "results": results})
    for name, table in results.items():
        print(name)
        print(pd.DataFrame(table).T.to_string())
    print(path)


if __name__ == "__main__":
    main()
