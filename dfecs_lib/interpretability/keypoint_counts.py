"""Do more keypoints help? The same people and the same frames, on 49, 68, 98 and 478 points.

Faces are registered once, on all points; fewer points are taken from that motion. So whatever differs comes from what
units are learned on, and not from where a tracker or a registration put the points that all have.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold

from dfecs_lib import metrics
from dfecs_lib.data.load import describe, load, split_names
from dfecs_lib.errors import AbsentDataError, DfecsError
from dfecs_lib.evaluation.frames import convert_units, frame_costs, score
from dfecs_lib.evaluation.frontality import RIDGE
from dfecs_lib.evaluation.noise import noise_ceiling
from dfecs_lib.evaluation.subjects import sample_frames, subject_names
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.interpretability import Rule, as_units, interpretable_share, matched_cosine
from dfecs_lib.interpretability.own_points import own_point_shares
from dfecs_lib.keypoints import convert, get_scheme, same_rows, shared_points
from dfecs_lib.preprocessing import preparation
from dfecs_lib.preprocessing.anchors import ANCHORS
from dfecs_lib.simulate import simulate

__all__ = ["COUNTS", "SUBTLE", "MeshSet", "common_points", "compare_counts", "mesh_sets", "on_points"]

Floats = NDArray[np.float64]

#: Schemes from few points to many, each of which the last one has.
COUNTS = ("bp4d49", "ibug68", "wflw98", "mediapipe478")
#: The points that all of them have.
FEWEST = "bp4d49"
#: Action units that 68 points hardly show.
SUBTLE = ("AU06", "AU07", "AU09", "AU10", "AU11", "AU14", "AU17", "AU23", "AU24")


@dataclass(frozen=True, eq=False)
class MeshSet:
    """One data set on a mesh.

    Attributes
    ----------
    about : str
        How a caption calls it.
    motion : KPM table
        On 478 points.
    rest : Series
        Its mean neutral face.
    intensities : DataFrame or None
        Action units, where they are known.
    clean : KPM table or None
        The same motion tracked without errors, where faces are simulated.
    """

    about: str
    motion: pd.DataFrame
    rest: pd.Series[float]
    intensities: pd.DataFrame | None
    clean: pd.DataFrame | None = None


def mesh_sets(sources: str | Sequence[str], *, size: str = "small") -> tuple[dict[str, MeshSet], dict[str, str]]:
    """Load faces on a mesh; of those that are not on this machine, or that it cannot track, say why.

    Parameters
    ----------
    sources : str or sequence of str
        As `dfecs_lib.load` takes them: simulated faces, videos (tracked by MediaPipe), tables of meshes.
    size : str
        Of simulated faces.
    """
    found: dict[str, MeshSet] = {}
    absent: dict[str, str] = {}
    for name in split_names(sources):
        try:
            data = load(name, scheme=COUNTS[-1], size=size)
        except AbsentDataError as error:
            absent[name] = str(error)
            continue
        prepared = preparation(data, scheme=COUNTS[-1])
        truth = getattr(data, "truth", None)
        labels = data.action_units if truth is None else truth.action_units
        key = Path(name).stem if Path(name).exists() else name.replace("/", "-")  # it becomes part of files' names
        clean = None if truth is None else _without_errors(data.keypoints)
        found[key] = MeshSet(describe(name), prepared.motion, prepared.mean_neutral, labels, clean)
    return found, absent


def _without_errors(simulated: pd.DataFrame) -> pd.DataFrame:
    """Return the motion of the same simulated faces, tracked without errors."""
    made = simulated.attrs["history"][0]
    asked = {key: made[key] for key in ("name", "size", "random_state", "scheme")}
    return preparation(simulate(**asked, noise=0.0), scheme=COUNTS[-1]).motion


def common_points(schemes: Sequence[str] = COUNTS) -> tuple[int, ...]:
    """iBUG-68 numbers of the points that all schemes have and that registration leaves free.

    Examples
    --------
    >>> len(common_points())
    43
    """
    return tuple(point for point in shared_points(*schemes) if point not in ANCHORS)


def on_points(motion: pd.DataFrame, schemes: Sequence[str] = COUNTS) -> dict[str, pd.DataFrame]:
    """Return the same motion on the points of each scheme.

    Parameters
    ----------
    motion : KPM table
        Of a scheme that has, or makes, the points of all others, such as a mesh.
    schemes : sequence of str
    """
    return {name: convert(motion, name) for name in schemes}


def compare_counts(
    motion: pd.DataFrame,
    intensities: pd.DataFrame | None = None,
    *,
    clean: pd.DataFrame | None = None,
    schemes: Sequence[str] = COUNTS,
    n_units: int = 16,
    n_splits: int = 4,
    n_frames: int | None = None,
    random_state: int = 17,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Learn units on each number of points from some people, and test them on the others.

    Parameters
    ----------
    motion : KPM table
        Of a mesh, of several people.
    intensities : DataFrame, optional
        True (or coded) action units of its rows.
    clean : KPM table, optional
        The same motion without a tracker's errors, of which the true ceiling follows.
    schemes : sequence of str
        From few points to many.
    n_units : int
    n_splits : int
        Groups of people, each left out once.
    n_frames : int, optional
        Frames to learn from at most.
    random_state : int

    Returns
    -------
    table : DataFrame
        One row a scheme. ``points``; ``ve_common, low, high``: variance explained (squared, percent) of people left
        out within `common_points`, with its 95 % interval over people; ``ceiling_common``, the noise ceiling estimated
        from still stretches (below what units explain where no recording is ever still, so that motion is taken for
        noise; NaN where none is long enough to tell), ``true_ceiling`` where `clean` tells it, and
        ``share_of_ceiling``, of the true one or else of the estimate (NaN where that is below what units explain);
        ``ve_own`` on all its own points; ``active`` and ``cancellation`` of people left out; ``stability``, the mean
        cosine of matched units of two folds, within the common points; ``interpretable``, percent of units that pass
        the library's `Rule` on these points, mean over folds; ``interpretable_68``, ``interpretable_own``,
        ``compliance_68`` and ``compliance_own``: the same units judged at the 68 points and at all of their own
        (`dfecs_lib.interpretability.own_points`), percent, NaN where the scheme has not all 68; ``fit_s``, processor
        seconds to learn (mean over folds), and ``frames_per_s`` coded in one.
    recovery : DataFrame
        Correlation of each action unit's intensity (rows) with a ridge readout of the codes of people left out, one
        column a scheme, and ``raw …`` of the motion itself, which bounds it; empty without `intensities`.

    Raises
    ------
    DfecsError
        If there are fewer than two people.
    """
    people = subject_names(motion).to_numpy()
    if len(np.unique(people)) < 2:
        raise DfecsError("leaving people out needs two people or more")
    folds = list(GroupKFold(min(n_splits, len(np.unique(people)))).split(motion, groups=people))
    common = common_points(schemes)
    rows: dict[str, dict[str, float]] = {}
    recovered: dict[str, pd.Series[float]] = {}
    for name, table in on_points(motion, schemes).items():
        costs, own, codes, unseen, figures, units = [], [], [], [], [], []
        for train, test in folds:
            learn = sample_frames(table.iloc[train], n_frames, random_state)
            start = time.process_time()
            model = FullFaceModel(n_units).fit(learn)
            fit_s = time.process_time() - start
            left_out = table.iloc[test]
            start = time.process_time()
            code = model.transform(left_out)
            seconds = time.process_time() - start
            assert isinstance(code, pd.DataFrame)
            guess = np.asarray(model.inverse_transform(code), dtype=np.float64)
            costs.append(frame_costs(left_out, guess, common))
            own.append(frame_costs(left_out, guess))
            units.append(convert_units(model.components_, name, FEWEST))
            figures.append(
                {
                    "active": metrics.active_units(code, units=model.components_),
                    "cancellation": metrics.cancellation(code, model.components_),
                    "interpretable": _interpretable(model.components_, name),
                    **own_point_shares(model.components_, name),
                    "fit_s": fit_s,
                    "frames_per_s": len(left_out) / max(seconds, 1e-3),
                }
            )
            if intensities is not None:
                seen = same_rows(intensities, learn.index), same_rows(intensities, left_out.index)
                codes.append(_readout(model.transform(learn), seen[0], code))
                unseen.append(_readout(learn, seen[0], left_out))
        value, low, high = score(pd.concat(costs), interval=True)
        ceiling = _ceiling(table, common)
        true = float("nan") if clean is None else _true_ceiling(table, convert(clean, name), common)
        reached = true if np.isfinite(true) else ceiling if ceiling > value else float("nan")
        rows[name] = {
            "points": get_scheme(name).n_points,
            "ve_common": value,
            "low": low,
            "high": high,
            "ceiling_common": ceiling,
            "true_ceiling": true,
            "share_of_ceiling": 100 * value / reached,
            "ve_own": score(pd.concat(own))[0],
            "stability": _stability(units),
            **{key: float(np.mean([one[key] for one in figures])) for key in figures[0]},
        }
        if intensities is not None:
            recovered[name] = _correlation(pd.concat(codes), intensities)
            recovered[f"raw {name}"] = _correlation(pd.concat(unseen), intensities)
    result = pd.DataFrame.from_dict(rows, orient="index").rename_axis("scheme").astype({"points": int})
    return result, pd.DataFrame(recovered).rename_axis("action unit")


def _interpretable(units: Floats, scheme: str) -> float:
    """Percent of units that pass the rule, on the points that every scheme has."""
    rows = convert_units(units, scheme, FEWEST)
    moving = rows[np.linalg.norm(rows, axis=1) > 1e-3]
    return 100 * interpretable_share(as_units(moving, scheme=FEWEST, signed=False), Rule()).count / len(rows)


def _stability(units: Sequence[Floats]) -> float:
    """Mean cosine of units of two folds, matched one to one, on the points that every scheme has."""
    found = [
        matched_cosine(*(as_units(rows, scheme=FEWEST, signed=False) for rows in pair)).mean()
        for pair in combinations(units, 2)
    ]
    return float(np.mean(found)) if found else float("nan")


def _ceiling(table: pd.DataFrame, points: Sequence[int]) -> float:
    """Noise ceiling over all recordings within some points, by their energy."""
    known = get_scheme(str(table.attrs["scheme"]))
    where = known.positions(list(points))
    only = table.copy()
    others = np.setdiff1d(np.arange(known.n_points), where)
    only.iloc[:, np.concatenate([others, known.n_points + others])] = np.nan
    found = noise_ceiling(only).dropna()
    energy = float((found["energy"] * found["frames"]).sum())
    return 100 * (1 - float((2 * found["noise"] * found["frames"]).sum()) / energy) if energy > 0 else float("nan")


def _true_ceiling(table: pd.DataFrame, clean: pd.DataFrame, points: Sequence[int]) -> float:
    """Percent of the motion's energy within some points that is no tracker's error."""
    known = get_scheme(str(table.attrs["scheme"]))
    where = known.positions(list(points))
    columns = np.concatenate([where, known.n_points + where])
    values = table.to_numpy(np.float64)[:, columns]
    error = values - same_rows(clean, table.index).to_numpy(np.float64)[:, columns]
    return 100 * (1 - float(np.nansum(error**2)) / float(np.nansum(values**2)))


def _readout(learn: object, labels: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Predict intensities of people left out by a ridge on standardized columns."""
    x, z = np.asarray(learn, dtype=np.float64), test.to_numpy(np.float64)
    kept = np.isfinite(x).all(axis=1) & labels.notna().all(axis=1).to_numpy()
    centre, size = x[kept].mean(axis=0), x[kept].std(axis=0).mean()
    model = RidgeCV(RIDGE * x.shape[1]).fit((x[kept] - centre) / size, labels.to_numpy()[kept])
    there = np.isfinite(z).all(axis=1)
    out = np.full((len(z), labels.shape[1]), np.nan)
    out[there] = model.predict((z[there] - centre) / size)
    return pd.DataFrame(out, index=test.index, columns=labels.columns)


def _correlation(predicted: pd.DataFrame, intensities: pd.DataFrame) -> pd.Series[float]:
    truth = same_rows(intensities, predicted.index)
    varies = truth.columns[(truth.std() > 0).to_numpy()]
    return predicted[varies].corrwith(truth[varies])
