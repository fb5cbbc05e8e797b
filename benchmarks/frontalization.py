"""Frontalization: pose that is left and expression that is kept, beside none and the published linear weights.

    python benchmarks/frontalization.py WEIGHTS.npy SAMPLES [REAL [CALIBRATION]]

WEIGHTS.npy: the weights of Vonikakis and Winkler. SAMPLES: the folder with openface_sample.csv and pyfeat_sample.csv,
which carry their own head pose and action units. REAL: a folder of `mediapipe_controls.py`. CALIBRATION: the folder
that `calibrate_frontalizer.py` learnt from; people in both are then judged by a correction learnt without them.

Controlled leakage is the measure of pose: plain leakage cannot be small where people smile as they turn. Its floor is
what the true frontal faces of simulated people show, with exact intensities and with intensities in error.

Ranges kept in near-frontal stretches are measured by the eyes' distance and set right for the tilt that the other
source reports (``by_eyes``), as expression tells them. Beside them, after affine registration, as expression tells them
(``told``) and as least squares see them (``seen``): there all heights of a face also change together, by
``height_scale``, because registration measures them by the nose and the ends of the jaw line.

Expression is compared recording by recording with the published weights, with a paired standard error.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from _results import write
from calibrate_frontalizer import learn
from frontality_measures import (
    expression_r2,
    expression_r2_difference,
    pose_share,
    ranges_kept,
    ranges_kept_by_eyes,
    registered_error,
    steady_frames,
)
from scipy.spatial.transform import Rotation

from dfecs_lib import keypoints
from dfecs_lib.anatomy.head import load_head
from dfecs_lib.evaluation.frontality import controlled_leakage, pose_leakage
from dfecs_lib.evaluation.lengths import face_lengths, level_by_eyes
from dfecs_lib.preprocessing import Frontalizer, head_fit, make_preprocessor, pose
from dfecs_lib.simulate import simulate

COMPONENTS = (4, 8, 16)
STEADY, LEAST_STEADY = 4.0, 60  # degrees; frames below which a range says nothing
IN_ERROR = 0.5  # error of the intensities in the second floor, in their own standard deviations
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


def trackers_apart(recordings: dict[str, Recording]) -> dict[str, float]:
    """How far from a common place each of two trackers puts the points of a part, in mm up or down the face.

    Both are levelled by the eyes; of every point the median difference on a recording, root mean square over recordings
    and the part's points, over √2.
    """
    parts = {
        "ridge of the nose": range(27, 30),
        "nostrils": range(31, 36),
        "brows": range(17, 27),
        "mouth": range(48, 68),
    }
    head, found = load_head().mean, []
    for name in recordings:
        if name.endswith("-dlib") and (other := name.removesuffix("dlib") + "mediapipe") in recordings:
            tables = [recordings[n][0].droplevel(["dataset", "subject", "recording"]) for n in (name, other)]
            frames = tables[0].index.intersection(tables[1].index)
            one, two = (level_by_eyes(table.loc[frames].to_numpy()) for table in tables)
            found.append(np.nanmedian(one - two, axis=0)[68:] * (head[45, 0] - head[36, 0]) / 600)
    if not found:
        return {}
    return {part: float(np.sqrt((np.array(found)[:, list(points)] ** 2).mean() / 2)) for part, points in parts.items()}


def frontalize_without(rows: np.ndarray, folder: Path, person: str) -> np.ndarray:
    """Return what the default frontalizer gives with a correction learnt without this person."""
    slopes, _ = learn(folder, without=person)
    fit = pose.fit_frontal(rows, keypoints.IBUG68, corrected=False)
    model = head_fit.head_fit(tuple(range(68)))
    shape = fit.shape - model.mean - fit.turn @ slopes
    shape[:, model.steadied] = shape @ model.steady.T
    return pose.in_registered_frame(shape + model.mean)


def ranges(frontal: np.ndarray, rows: np.ndarray, angles: np.ndarray, units: np.ndarray) -> dict[str, dict[str, float]]:
    """Ranges kept by the eyes, and told and seen after registration; nothing where too few frames are steady."""
    steady = steady_frames(angles, within=STEADY)
    if steady.sum() < LEAST_STEADY:
        return {}
    register = make_preprocessor(frontalize=False, parts=False).fit_transform
    after, before = register(frontal), register(rows)
    found = {
        "by_eyes": ranges_kept_by_eyes(frontal, rows, angles, within=STEADY, expression=units),
        "told": ranges_kept(after, before, angles, within=STEADY, expression=units),
        "seen": ranges_kept(after, before, angles, within=STEADY),
        "height_scale": {"all": _height_scale(after, frontal, steady) / _height_scale(before, rows, steady)},
    }
    return {kind: {n: v for n, v in values.items() if np.isfinite(v)} for kind, values in found.items()}


def _height_scale(registered: np.ndarray, faces: np.ndarray, used: np.ndarray) -> float:
    """Registered height of a face, root of the nose to chin, over the same by the eyes' distance: the median."""
    after, before = (v[used, 68 + 8] - v[used, 68 + 27] for v in (registered, level_by_eyes(faces)))
    return float(np.nanmedian(after / before))


def judge_real(faces: np.ndarray, angles: np.ndarray, units: np.ndarray) -> dict[str, float]:
    few = {f"expression_r2_{k}_components": expression_r2(faces, units, components=k) for k in COMPONENTS}
    return {
        "controlled_leakage": controlled_leakage(faces, angles, units),
        "pose_share": pose_share(faces, angles, units),
        "leakage_r2": pose_leakage(faces, angles),
        "expression_r2": expression_r2(faces, units),
        **few,
    }


def judge_simulated(
    faces: np.ndarray, goal: np.ndarray, angles: np.ndarray, units: np.ndarray, person: np.ndarray
) -> dict[str, float]:
    each = [person == p for p in pd.unique(person)]
    error = np.random.default_rng(0).normal(size=units.shape) * IN_ERROR * units.std(axis=0)
    return {
        **{f"{k}_error_percent": v for k, v in registered_error(faces, goal, person).items()},
        "controlled_leakage": mean([controlled_leakage(faces[p], angles[p], units[p]) for p in each]),
        "controlled_leakage_intensities_in_error": mean(
            [controlled_leakage(faces[p], angles[p], (units + error)[p]) for p in each]
        ),
        "leakage_r2": mean([pose_leakage(faces[p], angles[p]) for p in each]),
    }


def mean(values: list[float]) -> float:
    known = [v for v in values if np.isfinite(v)]
    return float(np.mean(known)) if known else float("nan")


def simulated_sets() -> dict[str, tuple[pd.DataFrame | np.ndarray, ...]]:
    """Name -> faces as seen, true frontal faces, angles, intensities, person."""
    rows, angles, units, truth, person = turning_heads()
    found: dict[str, tuple[pd.DataFrame | np.ndarray, ...]] = {"turning heads": (rows, truth, angles, units, person)}
    for dataset in ("sim-disfa", "sim-ckplus", "sim-bp4d"):
        data = simulate(dataset)
        turns = data.truth.pose[["pitch", "yaw", "roll"]].to_numpy()
        subjects = data.keypoints.index.get_level_values("subject").to_numpy()
        found[dataset] = (data.keypoints, data.truth.frontal, turns, data.truth.action_units.to_numpy(), subjects)
    return found


def main() -> None:
    weights, samples = sys.argv[1], Path(sys.argv[2])
    folder = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    learnt_from = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    tracks = [p for p in learnt_from.glob("*.parquet") if "." not in p.stem] if learnt_from else []
    learnt = {keypoints.load(p).index[0][1] for p in tracks}
    settings = {"none": {"frontalize": False}, "published linear": {"method": "linear", "weights": weights}, "pose": {}}
    methods = {name: make_preprocessor(**kwargs) for name, kwargs in settings.items()}
    fronts = {name: make_preprocessor(affine=False, parts=False, **kwargs) for name, kwargs in settings.items()}
    plain = methods["none"]
    real: dict[str, dict[str, dict[str, object]]] = {}
    above: dict[str, dict[str, dict[str, float]]] = {}
    recordings = real_recordings(samples, folder)
    for name, (table, angles, units) in recordings.items():
        rows = table.to_numpy()
        real[name], faces = {}, {}
        person = table.index[0][1] if isinstance(table.index, pd.MultiIndex) else ""
        for method in methods:
            if method == "pose" and learnt_from and person in learnt:
                frontal = frontalize_without(rows, learnt_from, person)
            else:
                frontal = fronts[method].fit_transform(rows)
            faces[method] = plain.fit_transform(frontal)
            kept = ranges(frontal, rows, angles, units)
            real[name][method] = {**judge_real(faces[method], angles, units), "ranges_kept": kept}
        pair = faces["pose"], faces["published linear"]
        above[name] = {
            str(k or "all"): dict(zip(("difference", "standard_error"), figures, strict=True))
            for k in (*COMPONENTS, None)
            for figures in [expression_r2_difference(*pair, units, components=k)]
        }
        print(name, {m: round(real[name][m]["controlled_leakage"], 3) for m in methods}, flush=True)
    simulated: dict[str, dict[str, dict[str, float]]] = {}
    true_ranges = {}
    for name, (seen, truth, angles, units, person) in simulated_sets().items():
        goal = plain.fit_transform(truth)
        simulated[name] = {}
        for method, pipeline in {**methods, "truth": None}.items():
            if name == "sim-bp4d" and method == "published linear":
                continue  # needs a jaw line
            faces = goal if pipeline is None else pipeline.fit_transform(seen)
            simulated[name][method] = judge_simulated(*map(np.asarray, (faces, goal, angles, units, person)))
        if name == "turning heads":
            register = make_preprocessor(frontalize=False, parts=False).fit_transform
            each = [person == number for number in np.unique(person)]
            for method, pipeline in fronts.items():
                frontal = pipeline.fit_transform(seen)
                for ruler, way in {"registration": register, "eyes": level_by_eyes}.items():
                    pair = way(frontal), way(truth)
                    slopes = [
                        ranges_kept(pair[0][p], pair[1][p], angles[p], within=np.inf, expression=units[p]) for p in each
                    ]
                    true_ranges[f"{method}, by {ruler}"] = {n: mean([s[n] for s in slopes]) for n in slopes[0]}
    measures = [k for k in next(iter(real.values()))["pose"] if k != "ranges_kept"]
    means = {m: {k: mean([r[m][k] for r in real.values()]) for k in measures} for m in methods}
    kinds = {kind: {m: _mean_ranges(real, m, kind) for m in methods} for kind in ("by_eyes", "told", "seen")}
    scales = {n: r["pose"]["ranges_kept"]["height_scale"]["all"] for n, r in real.items() if r["pose"]["ranges_kept"]}
    counts = {k: _count(above, k) for k in next(iter(above.values()))}
    content: dict[str, object] = {
        "measures": "dfecs_lib.evaluation.frontality, frontality_measures.py; truth: the same on true frontal faces",
        "calibration": "the correction of 'pose' was learnt on the real clips WolfgangLanger, franck, cap12, cap13; "
        + ("each is judged here by one learnt without its person" if learnt else "they are judged here all the same"),
        "frontalizer": repr(Frontalizer()),
        "real_means": means,
        "real_recordings": len(real),
        "real_expression_r2_of_pose_less_published_linear_recordings": counts,
        "real_expression_r2_of_pose_less_published_linear": above,
        "real_height_scale_of_pose": scales,
        "trackers_apart_mm": trackers_apart(recordings),
        "real_ranges_kept_means": kinds,
        "simulated_ranges_of_truth_turning_heads": true_ranges,
        "simulated": simulated,
        "real": real,
    }
    path = write("frontalization", content)
    for title, table_ in {"real": means, **kinds, "simulated ranges": true_ranges, **simulated}.items():
        print(title)
        print(pd.DataFrame(table_).round(3).to_string())
    print(pd.DataFrame(counts).to_string(), "of", len(real))
    print(path)


def _mean_ranges(real: dict[str, dict[str, dict[str, object]]], method: str, kind: str) -> dict[str, float]:
    found = [r[method]["ranges_kept"][kind] for r in real.values() if r[method]["ranges_kept"]]
    return {name: mean([f[name] for f in found if name in f]) for name in face_lengths(np.zeros((1, 136)))}


def _count(above: dict[str, dict[str, dict[str, float]]], components: str) -> dict[str, int]:
    """On how many recordings the difference is positive, and on how many it is beyond two standard errors."""
    found = [(a[components]["difference"], 2 * a[components]["standard_error"]) for a in above.values()]
    return {
        "above": sum(d > 0 for d, _ in found),
        "clearly_above": sum(d > e for d, e in found),
        "clearly_below": sum(d < -e for d, e in found),
    }


if __name__ == "__main__":
    main()
