"""Simulated datasets as tables, with the truth beside the keypoints."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import IBUG68, INDEX_NAMES, Scheme, from_points, get_scheme, points_wanted, validate
from dfecs_lib.keypoints.dataset import Dataset, Readings, ReadReport
from dfecs_lib.keypoints.known_neutral import RULES
from dfecs_lib.keypoints.labels import INTENSITY, OCCURRENCE
from dfecs_lib.simulate.action_units import ALL_CHANNELS
from dfecs_lib.simulate.designs import Design, Size, design_of, disfa_neutral
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
        Coefficients of the identity modes of `dfecs_lib.anatomy.head`, in standard deviations, index ``subject``.
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
    """A `dfecs_lib.data.readers.Dataset` of simulated faces, with their truth.

    Parameters
    ----------
    truth : Truth
        See there.
    """

    truth: Truth = field(kw_only=True)


def _sides(intensities: NDArray[np.float64], side: str, shows: Sequence[int]) -> NDArray[np.float64]:
    """Channel intensities (n, n_channels) -> one column an action unit."""
    columns = []
    for au in shows:
        found = [i for i, (unit, half) in enumerate(ALL_CHANNELS) if unit == au and (half in ("", side) or not side)]
        columns.append(intensities[:, found].max(axis=1))
    return np.stack(columns, axis=1)


def _kept(points: NDArray[np.float64], scheme: Scheme) -> NDArray[np.float64]:
    return from_points(points if scheme.dense else points[:, list(scheme.ibug)])


def _keypoint_table(
    points: NDArray[np.float64], index: pd.MultiIndex, kept: Scheme, step: dict[str, object]
) -> pd.DataFrame:
    table = pd.DataFrame(_kept(points, kept), index=index, columns=list(kept.columns))
    table.attrs = {"scheme": kept.name, "history": [step]}
    return validate(table.sort_index())


def _truth(
    arrays: Mapping[str, NDArray[np.generic]],
    index: pd.MultiIndex,
    scheme: Scheme,
    step: dict[str, object],
    shows: Sequence[int],
) -> Truth:
    units = [f"AU{au:02d}" for au in shows]
    intensities = np.asarray(arrays["intensities"], dtype=np.float64)
    subjects = pd.Index(arrays["subjects"].astype(object), name="subject")
    resting = _kept(np.asarray(arrays["resting"], dtype=np.float64), scheme)

    def table(values: NDArray[np.generic], columns: list[str]) -> pd.DataFrame:
        return pd.DataFrame(values, index=index, columns=columns).sort_index()

    return Truth(
        action_units=table(_sides(intensities, "", shows), units),
        right=table(_sides(intensities, "R", shows), units),
        left=table(_sides(intensities, "L", shows), units),
        frontal=_keypoint_table(np.asarray(arrays["frontal"], dtype=np.float64), index, scheme, step),
        resting=pd.DataFrame(resting, index=subjects, columns=list(scheme.columns)),
        pose=table(arrays["pose"], list(_POSE)),
        identity=pd.DataFrame(arrays["identity"], index=subjects, columns=list(load_head().identity_names)),
        lost=pd.Series(arrays["lost"], index=index, name="lost").sort_index(),
        frozen=pd.Series(arrays["frozen"], index=index, name="frozen").sort_index(),
    )


def _labels(design: Design, truth: Truth) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return what coders would write down: intensities and occurrences.

    DISFA and subtle actions: whole intensities; CK+: both, for the last frame only; BP4D: occurrences.
    """
    units = truth.action_units[[f"AU{au:02d}" for au in design.coded]]
    intensities, occurrences = (units + 0.45) // 1.0, (units >= _PRESENT).astype(np.float64)
    intensities.attrs, occurrences.attrs = {"unit": INTENSITY, "history": []}, {"unit": OCCURRENCE, "history": []}
    if design.name in ("sim-disfa", "sim-subtle"):
        return intensities, None
    if design.name == "sim-bp4d":
        return occurrences, occurrences
    last = units.groupby(level=["subject", "recording"]).cumcount(ascending=False) == 0
    return intensities.where(last, axis=0), (intensities > 0).astype(np.float64).where(last, axis=0)


def _neutral(design: Design, readings: Readings, size: Size) -> tuple[pd.DataFrame, list[str]]:
    """The neutral frames, by each dataset's own rule."""
    if design.name in ("sim-ckplus", "sim-subtle"):
        return RULES["first-frame"](readings)
    if design.name == "sim-bp4d":
        return RULES["calmest-run"](readings)
    return RULES["frame"](readings, neutral_frame=disfa_neutral(size.frames))


def simulate(
    name: str,
    size: str = "small",
    random_state: int = 0,
    *,
    noise: float = 1.0,
    scheme: str | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> SimulatedDataset:
    """Simulate a dataset of tracked faces.

    Parameters
    ----------
    name : {"sim-disfa", "sim-ckplus", "sim-bp4d", "sim-subtle"}
        "sim-disfa": subjects who watch one shared film, 66 points, every frame coded with intensities.
        "sim-ckplus": posed sequences from rest to apex, 68 points, the last frame coded.
        "sim-bp4d": eight tasks a subject, some with talking, 49 points, coded with occurrences.
        "sim-subtle": weak actions that 68 points hardly show, AU 11 among them, which no other dataset has; made for
        ``scheme="mediapipe478"``, every frame coded with intensities. Without a counterpart among real datasets.
    size : {"small", "medium", "paper"}
        "small": about a thousand frames, a second; "medium": the paper's subjects, about ten thousand frames;
        "paper": the paper's frame counts.
    random_state : int
        The same seed gives the same faces, to the last bit, whatever else is simulated.
    noise : float
        Factor on the tracker's random errors; 0 tracks without them. Registered points tremble from frame to frame
        about as much at 1 (1.3 to 2.1 px) as in a real OpenFace track (1.9), and half as much as in dlib's whole-pixel
        tracks (3.2 to 5.0).
    scheme : str, optional
        Other points of the same faces: with ``"mediapipe478"`` cheeks and forehead are seen, too, which muscles move as
        they move the rest. Points that two schemes share are the same to the last bit but one; a tracker's errors at
        further points are those of their neighbours, and a little of their own.
    cache : path, optional
        A folder that keeps simulations under a key of their content: name, size, seed, noise and the simulator's
        source.

    Returns
    -------
    SimulatedDataset
        `dfecs_lib.data.readers.Dataset` plus ``truth``. Frames that the tracker lost are NaN rows.

    Raises
    ------
    DfecsError
        If there is no such dataset or size, or the seed or the noise is no such number.

    Examples
    --------
    >>> data = simulate("sim-ckplus")
    >>> data.keypoints.attrs["scheme"], len(data.subjects)
    ('ibug68', 20)
    """
    if isinstance(random_state, bool) or not isinstance(random_state, (int, np.integer)) or random_state < 0:
        raise DfecsError(f"random_state must be a whole number from 0 on, not {random_state!r}")
    if not 0.0 <= noise < np.inf:
        raise DfecsError(f"noise must be a factor of 0 or more, not {noise!r}")
    design, amount = design_of(name, size)
    seed = int(random_state)
    kept = get_scheme(design.scheme if scheme is None else scheme)
    arrays = cached_arrays(design, size, seed, float(noise), cache, kept if kept.dense else IBUG68)
    asked: dict[str, object] = {"name": name, "size": size, "random_state": seed, "noise": float(noise)}
    asked |= {} if scheme is None else {"scheme": kept.name}
    step: dict[str, object] = {"operation": "simulate", **asked}
    index = pd.MultiIndex.from_arrays(
        [
            [name] * len(arrays["frame"]),
            arrays["subject"].astype(object),
            arrays["recording"].astype(object),
            arrays["frame"].astype(np.int64),
        ],
        names=INDEX_NAMES,
    )
    truth = _truth(arrays, index, kept, step, design.shows)
    keypoints = _keypoint_table(np.asarray(arrays["pixels"], dtype=np.float64), index, kept, step)
    keypoints[truth.lost] = np.nan
    keypoints = points_wanted(keypoints, kept) if kept.dense else keypoints
    report = ReadReport(
        frames=len(keypoints),
        failed=int(truth.lost.sum()),
        notes=("These faces are simulated: figures on them say nothing about real datasets.",),
    )
    labels, occurrences = _labels(design, truth)
    neutral, notes = _neutral(design, Readings(keypoints, labels, occurrences, report), amount)
    return SimulatedDataset(
        name,
        keypoints,
        neutral,
        labels,
        replace(report, notes=(*report.notes, *notes)),
        occurrences=occurrences,
        truth=truth,
    )
