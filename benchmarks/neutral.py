"""How near each way of choosing a neutral frame comes to the true resting face; and on real tracks, what it chooses.

python benchmarks/neutral.py [--tracks RAW.parquet …]

Real tracks: chosen frames (tables of few recordings); the spread of one person's neutral faces when each recording is
judged by itself (small: the same face is found again), their inner lips' opening, and the time for 5,000 frames.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from _results import write

from dfecs_lib import keypoints
from dfecs_lib.keypoints import scheme_of
from dfecs_lib.preprocessing import make_preprocessor
from dfecs_lib.preprocessing.anchors import free_columns
from dfecs_lib.preprocessing.neutral import METHODS, choose_neutral
from dfecs_lib.simulate import simulate

LEVELS = ["dataset", "subject", "recording"]


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean point distance (n,) of rows, in % of the distance between the outer corners of the eyes."""
    return np.sqrt(((a - b).reshape(len(a), 2, -1) ** 2).sum(axis=1)).mean(axis=1) / 6


def alone(faces: pd.DataFrame) -> pd.DataFrame:
    """Every recording as a subject of its own."""
    index = faces.index.to_frame()
    index["subject"] = index["subject"] + "/" + index["recording"]
    table = faces.set_axis(pd.MultiIndex.from_frame(index), axis=0)
    table.attrs = faces.attrs
    return table


def on_tracks(path: str) -> dict[str, dict[str, object]]:
    faces = make_preprocessor().fit_transform(keypoints.load(path))
    columns = free_columns(scheme_of(faces))
    people = pd.Series(faces.index.get_level_values("subject"), index=alone(faces).index)
    found = {}
    for method in METHODS:
        chosen = choose_neutral(alone(faces), method)
        values = pd.DataFrame(chosen.to_numpy()[:, columns], index=people.loc[chosen.index].to_numpy())
        own = values - values.groupby(level=0).transform("mean")
        lips = chosen[["y_65", "y_66", "y_67"]].to_numpy() - chosen[["y_63", "y_62", "y_61"]].to_numpy()
        row: dict[str, object] = {
            "recordings": len(chosen),
            "spread_px": round(float(np.sqrt((own**2).to_numpy().mean())), 2),
            "lips_apart_px": round(float(lips.mean()), 2),
        }
        if len(chosen) < 10:
            row["frames"] = {str(key[2]): int(key[3]) for key in chosen.index}
        found[method] = row
    return found


def seconds(faces: pd.DataFrame, frames: int = 5000) -> float:
    """Time that a recording of so many frames takes."""
    values = np.resize(faces.dropna().to_numpy(), (frames, faces.shape[1]))
    table = keypoints.make_table(values, scheme=scheme_of(faces), frames=range(frames))
    best = np.inf
    for _ in range(3):
        start = time.perf_counter()
        choose_neutral(table)
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", nargs="*", default=[], help="Parquet tables of raw tracks")
    asked = parser.parse_args()
    pre, plain = make_preprocessor(), make_preprocessor(frontalize=False)
    rows = []
    for name in ("sim-disfa", "sim-ckplus", "sim-bp4d"):
        for seed in range(5):
            data = simulate(name, random_state=seed)
            faces = pre.fit_transform(data.keypoints)
            columns = free_columns(scheme_of(faces))
            resting = data.truth.resting
            rest = pd.DataFrame(plain.transform(resting.to_numpy()), index=resting.index)
            units = data.truth.action_units.sum(axis=1)
            usable = faces.dropna()
            choices = {method: choose_neutral(faces, method) for method in METHODS}
            choices["the dataset's own rule"] = faces.loc[data.neutral.index]
            choices["a random frame"] = usable.groupby(level=LEVELS).sample(1, random_state=seed)
            choices["least action (truth)"] = faces.loc[units[usable.index].groupby(level=LEVELS).idxmin()]
            for method, chosen in choices.items():
                goal = rest.loc[chosen.index.get_level_values("subject")].to_numpy()[:, columns]
                really = plain.transform(data.truth.frontal.loc[chosen.index].to_numpy())[:, columns]
                rows.append(
                    {
                        "dataset": name,
                        "method": method,
                        "face_error_percent": float(distance(chosen.to_numpy()[:, columns], goal).mean()),
                        "expression_percent": float(distance(really, goal).mean()),
                        "expression_90th_percentile": float(np.percentile(distance(really, goal), 90)),
                        "sum_of_intensities": float(units.loc[chosen.index].mean()),
                    }
                )
    table = pd.DataFrame(rows).groupby(["dataset", "method"], sort=False).mean()
    content: dict[str, object] = {
        "about": "simulated faces, five seeds. expression: true distance of the chosen frame's face from rest; face "
        "error: distance of the chosen registered frame, tracker noise and frontalization included. Sequences of "
        "sim-ckplus and sim-bp4d start at rest by design, so that 'first' has an advantage there.",
        "real_tracks": {Path(path).stem: on_tracks(path) for path in asked.tracks},
        "seconds_for_5000_frames": round(seconds(faces), 3),
        "results": {d: table.loc[d].round(3).to_dict("index") for d in ("sim-disfa", "sim-ckplus", "sim-bp4d")},
    }
    path = write("neutral", content)
    print(table.round(2).to_string())
    print(path)


if __name__ == "__main__":
    main()
