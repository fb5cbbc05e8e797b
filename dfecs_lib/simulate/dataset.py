"""Simulated datasets as tables, with the truth beside the keypoints."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.head3d import load_head
from dfecs_lib.io.dataset import Dataset, ReadReport
from dfecs_lib.keypoints import INDEX_NAMES, from_points, get_scheme, validate
from dfecs_lib.simulate.action_units import ACTION_UNITS, CHANNELS
from dfecs_lib.simulate.designs import Design, design_of, disfa_neutral
from dfecs_lib.simulate.recording import cached_arrays

__all__ = ["SimulatedDataset", "Truth", "simulate"]

_POSE = ("pitch", "yaw", "roll", "x", "y", "z")
# An action that a coder would call present; below, it is a trace.
_PRESENT = 1.0


@dataclass(frozen=True, eq=False, repr=False)
class Truth:
    """What really happened before the simulated camera; every table has the dataset's row index unless said otherwise.

    Attributes
    ----------
    action_units : DataFrame
        Intensities 0–5, columns ``AU01 …``; of one-sided actions the stronger side. Not rounded, never missing.
    right, left : DataFrame
        The subject's right and left side apart; units without sides have the same value in both.
    frontal : keypoint table
        The face without head motion, camera or tracker, in millimetres: seen from the front without perspective,
        x to the image's right, y down, the head's origin at 0.
    resting : DataFrame
        The same for each subject's face at rest, index ``subject``. ``frontal`` minus it is the true motion.
    pose : DataFrame
        ``pitch, yaw, roll`` in radians and ``x, y, z`` in millimetres, the head's origin in camera coordinates (x image
        right, y down, z away). Positive pitch looks down, positive yaw turns to the subject's right (image left),
        positive roll tilts clockwise in the picture; ``R = R_x(pitch) R_y(yaw) R_z(roll)``, OpenFace's convention.
    identity : DataFrame
        Coefficients of the identity modes of `dfecs_lib.head3d`, in standard deviations, index ``subject``.
    lost, frozen : Series of bool
        Frames that the tracker lost, and frames in which it repeated itself.
    """

    action_units: pd.DataFrame
    right: pd.DataFrame
    left: pd.DataFrame
    frontal: pd.DataFrame
    resting: pd.DataFrame
    pose: pd.DataFrame
    identity: pd.DataFrame
    lost: pd.Series[bool]
    frozen: pd.Series[bool]


@dataclass(frozen=True, eq=False, repr=False)
class SimulatedDataset(Dataset):
    """A `dfecs_lib.io.Dataset` of simulated faces, with their truth.

    Parameters
    ----------
    truth : Truth
        See there.
    design : str
        The name it was simulated under.
    """

    truth: Truth = field(kw_only=True)
    design: str = field(kw_only=True)


def _sides(intensities: NDArray[np.float64], side: str) -> NDArray[np.float64]:
    """Channel intensities (n, n_channels) -> one column an action unit."""
    columns = []
    for au in ACTION_UNITS:
        found = [i for i, (unit, half) in enumerate(CHANNELS) if unit == au and (half in ("", side) or not side)]
        columns.append(intensities[:, found].max(axis=1))
    return np.stack(columns, axis=1)


def _keypoint_table(
    points: NDArray[np.float64], index: pd.MultiIndex, scheme: str, step: dict[str, object]
) -> pd.DataFrame:
    kept = get_scheme(scheme)
    table = pd.DataFrame(from_points(points[:, list(kept.ibug)]), index=index, columns=list(kept.columns))
    table.attrs = {"scheme": scheme, "history": [step]}
    return validate(table.sort_index())


def _truth(
    arrays: Mapping[str, NDArray[np.generic]], index: pd.MultiIndex, design: Design, step: dict[str, object]
) -> Truth:
    units = [f"AU{au:02d}" for au in ACTION_UNITS]
    intensities = np.asarray(arrays["intensities"], dtype=np.float64)
    subjects = pd.Index(arrays["subjects"].astype(object), name="subject")
    scheme = get_scheme(design.scheme)
    resting = from_points(np.asarray(arrays["resting"], dtype=np.float64)[:, list(scheme.ibug)])

    def table(values: NDArray[np.generic], columns: list[str]) -> pd.DataFrame:
        return pd.DataFrame(values, index=index, columns=columns).sort_index()

    return Truth(
        action_units=table(_sides(intensities, ""), units),
        right=table(_sides(intensities, "R"), units),
        left=table(_sides(intensities, "L"), units),
        frontal=_keypoint_table(np.asarray(arrays["frontal"], dtype=np.float64), index, design.scheme, step),
        resting=pd.DataFrame(resting, index=subjects, columns=list(scheme.columns)),
        pose=table(arrays["pose"], list(_POSE)),
        identity=pd.DataFrame(arrays["identity"], index=subjects, columns=list(load_head().identity_names)),
        lost=pd.Series(arrays["lost"], index=index, name="lost").sort_index(),
        frozen=pd.Series(arrays["frozen"], index=index, name="frozen").sort_index(),
    )


def _labels(design: Design, truth: Truth) -> pd.DataFrame:
    """What coders would write down: whole intensities (DISFA), those of the last frame (CK+), or occurrences (BP4D)."""
    columns = [f"AU{au:02d}" for au in design.coded]
    rounded = (truth.action_units[columns] + 0.45) // 1.0
    unit = "intensity 0-5"
    if design.name == "sim-bp4d":
        rounded, unit = (truth.action_units[columns] >= _PRESENT).astype(np.float64), "occurrence 0/1"
    elif design.name == "sim-ckplus":
        last = rounded.groupby(level=["subject", "recording"]).cumcount(ascending=False) == 0
        rounded = rounded.where(last, axis=0)
    rounded.attrs = {"unit": unit}
    return rounded


def _neutral_rows(design: Design, labels: pd.DataFrame, usable: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows of the neutral frames, chosen by each dataset's own rule."""
    index = labels.index
    frames = index.get_level_values("frame").to_numpy()
    recording = labels.groupby(level=["subject", "recording"], sort=False).ngroup().to_numpy()
    subject = labels.groupby(level="subject", sort=False).ngroup().to_numpy()
    if design.name == "sim-ckplus":
        return np.flatnonzero(np.r_[True, np.diff(recording) > 0])
    rows = []
    for number in np.unique(subject):
        mine = np.flatnonzero(subject == number)
        if design.name == "sim-disfa":
            wanted = disfa_neutral(len(mine))
            rows.append(mine[np.argmin(np.abs(frames[mine] - wanted) + 1e6 * ~usable[mine])])
            continue
        active = np.where(usable[mine], labels.to_numpy()[mine].sum(axis=1), np.inf)
        calm = (active == active.min()).astype(int)
        edge = np.flatnonzero(np.diff(np.r_[0, calm, 0]) | np.r_[0, np.diff(recording[mine]), 0])
        spans = [(a, b) for a, b in pairwise(edge) if calm[a]]
        start, stop = max(spans, key=lambda span: span[1] - span[0])
        rows.append(mine[(start + stop - 1) // 2])
    return np.array(rows, dtype=np.intp)


def simulate(
    name: str, size: str = "small", random_state: int = 0, cache: str | os.PathLike[str] | None = None
) -> SimulatedDataset:
    """Simulate a dataset of tracked faces.

    Parameters
    ----------
    name : {"sim-disfa", "sim-ckplus", "sim-bp4d"}
        "sim-disfa": subjects who watch one shared film, 66 points, every frame coded with intensities.
        "sim-ckplus": posed sequences from rest to apex, 68 points, the last frame coded.
        "sim-bp4d": eight tasks a subject, some with talking, 49 points, coded with occurrences.
    size : {"small", "medium", "paper"}
        "small": about a thousand frames, a second; "medium": the paper's subjects, about ten thousand frames;
        "paper": the paper's frame counts.
    random_state : int
        The same seed gives the same faces, to the last bit, whatever else is simulated.
    cache : path, optional
        A folder that keeps simulations under a key of their content: name, size, seed and the simulator's source.

    Returns
    -------
    SimulatedDataset
        `dfecs_lib.io.Dataset` plus ``truth``. Frames that the tracker lost are NaN rows.

    Raises
    ------
    DfecsError
        If there is no such dataset or size.

    Examples
    --------
    >>> data = simulate("sim-ckplus")
    >>> data.keypoints.attrs["scheme"], len(data.subjects)
    ('ibug68', 12)
    """
    if isinstance(random_state, bool) or not isinstance(random_state, (int, np.integer)) or random_state < 0:
        raise DfecsError(f"random_state must be a whole number from 0 on, not {random_state!r}")
    design, _ = design_of(name, size)
    arrays = cached_arrays(design, size, int(random_state), cache)
    step: dict[str, object] = {"operation": "simulate", "name": name, "size": size, "random_state": int(random_state)}
    index = pd.MultiIndex.from_arrays(
        [
            [name] * len(arrays["frame"]),
            arrays["subject"].astype(object),
            arrays["recording"].astype(object),
            arrays["frame"].astype(np.int64),
        ],
        names=INDEX_NAMES,
    )
    truth = _truth(arrays, index, design, step)
    labels = _labels(design, truth)
    usable = ~(truth.lost | truth.frozen).to_numpy()
    neutral = _neutral_rows(design, labels, usable)
    pixels = _keypoint_table(np.asarray(arrays["pixels"], dtype=np.float64), index, design.scheme, step)
    values = pixels.to_numpy().copy()
    values[truth.lost.to_numpy()] = np.nan
    keypoints = pd.DataFrame(values, index=pixels.index, columns=pixels.columns)
    keypoints.attrs = pixels.attrs
    report = ReadReport(
        frames=len(keypoints),
        failed=int(truth.lost.sum()),
        notes=("These faces are simulated: figures on them say nothing about real datasets.",),
    )
    return SimulatedDataset(
        name, keypoints, keypoints.iloc[neutral].sort_index(), labels, report, truth=truth, design=name
    )
