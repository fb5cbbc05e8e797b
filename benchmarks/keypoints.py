"""More keypoints: what conversions, frontalizers and numbers of points do to the same frames, and what a mesh costs.

    python benchmarks/keypoints.py FOLDER [DLIB_FOLDER]
    python benchmarks/keypoints.py sim-disfa | sim-subtle

FOLDER holds clips' meshes as ``benchmarks/build_mesh.py`` writes them (``*.npz`` with x, y and z of the landmarker);
DLIB_FOLDER the same clips as ``dfecs track CLIP -o DLIB_FOLDER/CLIP.parquet`` writes them. Times are given in processor
seconds, too, since they do not depend on what else runs, and as ratios to scikit-learn's MiniBatchDictionaryLearning.
Of simulated faces the truth is known: what readouts tell of it.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from _results import write
from numpy.typing import NDArray
from sklearn.decomposition import MiniBatchDictionaryLearning

from dfecs_lib import keypoints
from dfecs_lib.anatomy.skin import skin
from dfecs_lib.evaluation.frontality import head_pose, pose_leakage
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.interpretability.keypoint_counts import SUBTLE, compare_counts
from dfecs_lib.keypoints import MEDIAPIPE478, convert, from_points, to_points
from dfecs_lib.preprocessing import AffineRegistration, Frontalizer, PartRegistration, prepare
from dfecs_lib.preprocessing.pose import fit_frontal
from dfecs_lib.simulate import simulate

#: Clips that show one person.
SUBJECTS = {"cap12_edit": "cap", "cap13_edit2": "cap"}
UNITS, FRAMES = 16, 10_000
Mesh = tuple[pd.DataFrame, NDArray[np.float64]]


def meshes(folder: Path, most: int = 1500) -> dict[str, Mesh]:
    """Return of every clip its table and the landmarker's z, at most so many frames evenly spread."""
    found = {}
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as content:
            step = -(-len(content["frames"]) // most)
            points, frames = content["points"].astype(np.float64)[::step], content["frames"][::step]
        table = keypoints.make_table(
            points[..., :2],
            scheme="mediapipe478",
            frames=frames,
            dataset="mesh",
            subject=SUBJECTS.get(file.stem, file.stem),
            recording=file.stem,
        )
        found[file.stem] = table, points[..., 2]
    return found


def registered(frontal: pd.DataFrame) -> pd.DataFrame:
    return PartRegistration().transform(AffineRegistration().transform(frontal))


def by_own_depth(table: pd.DataFrame, z: NDArray[np.float64], rotation: NDArray[np.float64] | None) -> pd.DataFrame:
    """Turn a mesh back in space by its own depth: by a given rotation, or by laying its rigid points on the mean's."""
    points = np.concatenate([to_points(table), z[..., None]], axis=2)
    if rotation is None:
        rigid = MEDIAPIPE478.positions([0, 1, 2, 14, 15, 16, *range(27, 36), 36, 39, 42, 45])
        target = skin("mediapipe478").mean[rigid]
        own = points[:, rigid] - points[:, rigid].mean(axis=1, keepdims=True)
        u, _, vt = np.linalg.svd(np.einsum("nki,kj->nij", own, target - target.mean(axis=0)))
        turned = points @ (u @ vt)
    else:
        turned = np.einsum("nji,nkj->nki", rotation, points)
    out = pd.DataFrame(from_points(turned[..., :2]), index=table.index, columns=table.columns)
    out.attrs = dict(table.attrs)
    return out


def frontalizers(clips: dict[str, Mesh]) -> dict[str, object]:
    """Pose leakage of the same frames, pose as the 68 points tell it; of all free points."""
    results: dict[str, object] = {}
    for name, (table, z) in clips.items():
        pose = head_pose(table)
        turn = fit_frontal(table.to_numpy(), MEDIAPIPE478).rotation
        ways = {
            "none": table,
            "68 points, depth of the mean head": Frontalizer().transform(table),
            "68 points, the landmarker's depth": by_own_depth(table, z, turn),
            "the landmarker's depth alone": by_own_depth(table, z, None),
        }
        results[name] = {way: round(pose_leakage(registered(frontal), pose), 3) for way, frontal in ways.items()}
        print(name, results[name], flush=True)
    return results


def conversions(clips: dict[str, Mesh], dlib: Path | None) -> dict[str, object]:
    """How far points of one tracker lie from the other's, in percent of the eyes' distance; constant part and rest."""
    results: dict[str, object] = {}
    for name, (table, _) in clips.items():
        file = None if dlib is None else dlib / f"{name}.parquet"
        if file is None or not file.is_file():
            continue
        other = keypoints.load(file).dropna()
        numbers = other.index.get_level_values("frame")
        mine = convert(table, "ibug68")
        mine = mine[mine.index.get_level_values("frame").isin(numbers)]
        frames = mine.index.get_level_values("frame")
        theirs = other.iloc[np.searchsorted(numbers, frames)].set_axis(mine.index, axis=0)
        theirs.attrs = {"scheme": "ibug68", "history": []}
        a, b = to_points(mine), to_points(theirs)
        eyes = np.linalg.norm(b[:, 36:42].mean(axis=1) - b[:, 42:48].mean(axis=1), axis=1)
        away = 100 * (a - b) / eyes[:, None, None]
        constant, moving = away.mean(axis=0), away - away.mean(axis=0)
        parts = keypoints.IBUG68.parts
        results[name] = {
            part: {
                "constant": round(float(np.sqrt((constant[where] ** 2).sum(axis=1).mean())), 2),
                "moving": round(float(np.sqrt((moving[:, where] ** 2).sum(axis=2).mean())), 2),
            }
            for part, where in parts.items()
        }
        print(name, results[name], flush=True)
    return results


def cost(motion: pd.DataFrame) -> dict[str, object]:
    """Time and memory of a fit on 10,000 frames of a mesh, and of coding, beside scikit-learn's."""
    rows = motion.to_numpy()
    rows = np.concatenate([rows] * -(-FRAMES // len(rows)))[:FRAMES]
    FullFaceModel(4).fit(rows[:200])  # compiled code is read once

    def timed(work: Callable[[], object]) -> dict[str, float]:
        wall, own = time.perf_counter(), time.process_time()
        work()
        return {
            "seconds": round(time.perf_counter() - wall, 2),
            "processor_seconds": round(time.process_time() - own, 2),
        }

    model = FullFaceModel(UNITS)
    fit = timed(lambda: model.fit(rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    encode = timed(lambda: model.transform(rows))
    peer = MiniBatchDictionaryLearning(
        UNITS, positive_code=True, fit_algorithm="cd", transform_algorithm="lasso_cd", random_state=0
    )
    peer_fit, peer_encode = timed(lambda: peer.fit(rows)), timed(lambda: peer.transform(rows[:1000]))
    return {
        "frames": FRAMES,
        "columns": rows.shape[1],
        "fit": fit,
        "peak_memory_gb": round(peak, 2),
        "encode": encode,
        "encode_frames_per_processor_second": round(FRAMES / max(encode["processor_seconds"], 1e-9)),
        "fit_over_peer": round(fit["processor_seconds"] / peer_fit["processor_seconds"], 2),
        "encode_over_peer": round(encode["processor_seconds"] / (10 * peer_encode["processor_seconds"]), 3),
        "peer": "sklearn.decomposition.MiniBatchDictionaryLearning, positive codes, lasso_cd",
    }


def plain(table: pd.DataFrame) -> dict[str, object]:
    """Return a table as JSON values, two decimals, null for what is not known."""
    rounded = table.round(2).astype(object)
    return {str(key): row for key, row in rounded.where(rounded.notna(), None).to_dict("index").items()}


def simulated(name: str) -> None:
    """Numbers of points on simulated faces: what units explain, and what readouts tell of subtle action units."""
    data = simulate(name, scheme="mediapipe478")
    labels = data.truth.action_units
    clean = prepare(simulate(name, scheme="mediapipe478", noise=0.0))
    table, recovery = compare_counts(prepare(data), labels, clean=clean, n_units=UNITS, n_splits=3, n_frames=500)
    some = recovery.reindex([au for au in SUBTLE if au in recovery.index])
    print(table.round(2).to_string(), some.round(2).to_string(), sep="\n", flush=True)
    results = {"counts": plain(table), "subtle action units": plain(some)}
    print(write(f"keypoints_{name}", {"about": __doc__, "results": results}))


def main() -> None:
    if sys.argv[1].startswith("sim-"):
        simulated(sys.argv[1])
        return
    folder, dlib = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None
    results: dict[str, object] = {}

    def done(name: str, result: object) -> None:
        results[name] = result
        print(name, result, write("keypoints", {"about": __doc__, "results": results}), sep="\n", flush=True)

    every = prepare([table for table, _ in meshes(folder, 100_000).values()], scheme="tracked")
    done("cost", cost(every))
    del every
    clips = meshes(folder)
    done("mesh as 68 points against dlib, percent of the eyes' distance", conversions(clips, dlib))
    done("pose leakage", frontalizers(clips))
    motion = prepare([table for table, _ in clips.values()], scheme="tracked")
    table, _ = compare_counts(motion, n_units=UNITS, n_frames=1000)
    done("counts, real clips", plain(table))


if __name__ == "__main__":
    main()
