"""Frontalization: pose that is left and expression that is kept, beside none and the published linear weights.

    python benchmarks/frontalization.py WEIGHTS.npy SAMPLES [REAL [CALIBRATION]]

WEIGHTS.npy: the weights of Vonikakis and Winkler. SAMPLES: the folder with openface_sample.csv and pyfeat_sample.csv,
which carry their own head pose and action units. REAL: a folder of `mediapipe_controls.py`. CALIBRATION: the folder
that `calibrate_frontalizer.py` learnt from; people in both are then judged by a correction learnt without them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from _results import write
from calibrate_frontalizer import learn
from scipy.spatial.transform import Rotation

from dfecs_lib import keypoints
from dfecs_lib.head3d import load_head
from dfecs_lib.preprocessing import Frontalizer, head_fit, make_preprocessor, pose
from dfecs_lib.preprocessing import assessment as assess
from dfecs_lib.simulate import simulate

MEASURES = ("leakage_r2", "pose_share", "expression_r2", "visible_expression_r2")
Recording = tuple[pd.DataFrame, np.ndarray, np.ndarray]


def turning_heads(persons: int = 30, frames: int = 150, seed: int = 1) -> tuple[np.ndarray, ...]:
    """Rows (n, 136), angles, intensities, true frontal rows and person of heads turned by up to 20° and 30°.

    Identities are drawn afresh, the camera stands at 0.5 to 1.5 m (perspective), the tracker errs by 0.6 mm.
    """
    rng, head = np.random.default_rng(seed), load_head()
    two_sided = sorted({name[:4] for name in head.expression_names})
    column = [two_sided.index(name[:4]) for name in head.expression_names]
    parts: list[list[np.ndarray]] = []
    for person in range(persons):
        units = (rng.random((frames, len(two_sided))) < 0.15) * rng.gamma(2, 1, (frames, len(two_sided))).clip(0, 5)
        sides = units[:, column] * (1 + 0.15 * rng.normal(size=len(column))).clip(0.3, 2)
        shape = head.identities(rng.normal(size=(1, len(head.identity)))) + head.expressions(sides)
        angles = rng.uniform((-20, -30, -10), (20, 30, 10), (frames, 3))
        turned = np.einsum("nij,nkj->nki", Rotation.from_euler("xyz", angles, degrees=True).as_matrix(), shape)
        nearer = 1 / (1 + turned[:, :, 2] / rng.uniform(500, 1500))
        seen = np.concatenate([turned[:, :, 0] * nearer, turned[:, :, 1] * nearer], axis=1)
        seen += rng.normal(size=seen.shape) * 0.6
        truth = np.concatenate([shape[:, :, 0], shape[:, :, 1]], axis=1)
        parts.append([2 * seen + 300, angles, units, truth, np.full(frames, person)])
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def real_recordings(samples: Path, folder: Path | None) -> dict[str, Recording]:
    """Name -> keypoint table, pitch/yaw/roll in degrees, expression intensities."""
    columns = list(keypoints.IBUG68.columns)
    found: dict[str, Recording] = {}
    openface = pd.read_csv(samples / "openface_sample.csv", skipinitialspace=True)
    pyfeat = pd.read_csv(samples / "pyfeat_sample.csv")
    openface_angles = np.degrees(openface[["pose_Rx", "pose_Ry", "pose_Rz"]])
    for name, table, angles, units in (
        ("openface sample", openface, openface_angles, openface.filter(regex=r"^AU\d+_r$")),
        ("py-feat sample", pyfeat, pyfeat[["Pitch", "Yaw", "Roll"]], pyfeat.filter(regex=r"^AU\d+$")),
    ):
        units = units.loc[:, units.std() > 0.05]
        found[name] = (table[columns], angles.to_numpy(), units.to_numpy())
    for path in sorted(folder.glob("*.parquet")) if folder else []:
        if path.stem.endswith((".pose", ".controls")):
            continue
        pose, controls = (pd.read_parquet(path.with_suffix(f".{kind}.parquet")) for kind in ("pose", "controls"))
        found[path.stem] = (keypoints.load(path), pose.to_numpy(), controls.to_numpy())
    return found


def frontalize_without(rows: np.ndarray, folder: Path, person: str) -> np.ndarray:
    """Return what the default frontalizer gives with a correction learnt without this person."""
    slopes, _ = learn(folder, without=person)
    fit = pose.fit_frontal(rows, keypoints.IBUG68, corrected=False)
    model = head_fit.head_fit(tuple(range(68)))
    shape = fit.shape - model.mean - fit.turn @ slopes
    shape[:, model.steadied] = shape @ model.steady.T
    return pose.in_registered_frame(shape + model.mean)


def main() -> None:
    weights, samples = sys.argv[1], Path(sys.argv[2])
    folder = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    learnt_from = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    tracks = [p for p in learnt_from.glob("*.parquet") if "." not in p.stem] if learnt_from else []
    learnt = {keypoints.load(p).index[0][1] for p in tracks}
    methods = {
        "none": make_preprocessor(frontalize=False),
        "published linear": make_preprocessor(method="linear", weights=weights),
        "pose": make_preprocessor(),
    }
    lengths = {
        "none": make_preprocessor(frontalize=False, parts=False),
        "published linear": make_preprocessor(method="linear", weights=weights, parts=False),
        "pose": make_preprocessor(parts=False),
    }
    plain = methods["none"]
    real: dict[str, dict[str, dict[str, object]]] = {}
    for name, (table, angles, units) in real_recordings(samples, folder).items():
        rows = table.to_numpy()
        before = lengths["none"].fit_transform(rows)
        real[name] = {}
        person = table.index[0][1] if isinstance(table.index, pd.MultiIndex) else ""
        for method in methods:
            seen = rows
            fine, coarse = methods[method], lengths[method]
            if method == "pose" and learnt_from and person in learnt:
                seen = frontalize_without(rows, learnt_from, person)
                fine, coarse = methods["none"], lengths["none"]
            faces = fine.fit_transform(seen)
            kept = assess.ranges_kept(coarse.fit_transform(seen), before, angles, within=4.0)
            real[name][method] = {
                "leakage_r2": assess.pose_leakage(faces, angles),
                "pose_share": assess.pose_share(faces, angles, units),
                "expression_r2": float(np.mean([assess.expression_r2(faces, units, random_state=s) for s in range(3)])),
                "visible_expression_r2": float(
                    np.mean([assess.expression_r2(faces, units, variance=0.95, random_state=s) for s in range(3)])
                ),
                "ranges_kept": kept,
            }
    simulated: dict[str, dict[str, dict[str, float]]] = {"turning heads": {}}
    rows, angles, units, truth, person = turning_heads()
    goal = plain.fit_transform(truth)
    for method, pipeline in {**methods, "truth": None}.items():
        faces = goal if pipeline is None else pipeline.fit_transform(rows)
        each = [person == p for p in np.unique(person)]
        simulated["turning heads"][method] = {
            **{f"{k}_error_percent": v for k, v in assess.frontal_error(faces, goal, person).items()},
            "leakage_r2": float(np.mean([assess.pose_leakage(faces[p], angles[p]) for p in each])),
            "pose_share": float(np.mean([assess.pose_share(faces[p], angles[p], units[p]) for p in each])),
        }
    for dataset in ("sim-disfa", "sim-ckplus", "sim-bp4d"):
        data = simulate(dataset)
        goal = plain.fit_transform(data.truth.frontal)
        subjects = data.keypoints.index.get_level_values("subject").to_numpy()
        simulated[dataset] = {}
        for method, pipeline in {**methods, "truth": None}.items():
            if dataset == "sim-bp4d" and method == "published linear":
                continue  # needs a jaw line
            faces = goal if pipeline is None else pipeline.fit_transform(data.keypoints)
            turns = data.truth.pose[["pitch", "yaw", "roll"]]
            each = [subjects == s for s in np.unique(subjects)]
            simulated[dataset][method] = {
                **{f"{k}_error_percent": v for k, v in assess.frontal_error(faces, goal, subjects).items()},
                "leakage_r2": float(np.mean([assess.pose_leakage(faces[s], turns[s]) for s in each])),
            }
    means = {
        m: {k: float(np.mean([r[m][k] for r in real.values()])) for k in MEASURES}
        | {n: float(np.mean([r[m]["ranges_kept"][n] for r in real.values()])) for n in kept}
        for m in methods
    }
    content: dict[str, object] = {
        "measures": "dfecs_lib.preprocessing.assessment; truth: the same measure on the true frontal faces",
        "calibration": "the correction of 'pose' was learnt on the real clips WolfgangLanger, franck, cap12, cap13; "
        + ("each is judged here by one learnt without its person" if learnt else "they are judged here all the same"),
        "frontalizer": repr(Frontalizer()),
        "real_means": means,
        "real": real,
        "simulated": simulated,
    }
    path = write("frontalization", content)
    print(pd.DataFrame(means).round(3).to_string())
    for name, table_ in simulated.items():
        print(name)
        print(pd.DataFrame(table_).round(3).to_string())
    print(path)


if __name__ == "__main__":
    main()
