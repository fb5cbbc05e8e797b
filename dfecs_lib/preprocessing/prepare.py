"""The one way from tables of tracked faces to keypoint motion: register, choose neutral frames, subtract."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import (
    INDEX_NAMES,
    TRACKED,
    convert,
    get_scheme,
    in_order,
    points_wanted,
    record,
    scheme_of,
    stack,
    validate,
)
from dfecs_lib.keypoints.threads import one_blas_thread
from dfecs_lib.preprocessing.motion import motion_vectors
from dfecs_lib.preprocessing.neutral import DEFAULT_METHOD, choose_neutral, recordings_with_a_face
from dfecs_lib.preprocessing.neutral_report import neutral_report
from dfecs_lib.preprocessing.pipeline import make_preprocessor, settings_of

__all__ = ["FacesLike", "Preparation", "preparation", "prepare"]

_RECORDING = list(INDEX_NAMES[:3])
_MOST_NAMED = 5


class FacesLike(Protocol):
    """What `prepare` needs of a dataset: tracked faces and, where its files say so, which of them are neutral."""

    @property
    def keypoints(self) -> pd.DataFrame:
        """Keypoint table."""

    @property
    def neutral(self) -> pd.DataFrame | None:
        """Known neutral frames, rows of `keypoints`; None where they are to be chosen."""


@dataclass(frozen=True, eq=False)
class Preparation:
    """Motion, and what it was made from.

    Attributes
    ----------
    registered : keypoint table
        Preprocessed faces, in registered pixels.
    neutral : keypoint table
        The rows of `registered` that motion is measured from: one a recording, or one a subject.
    motion : KPM table
        ``registered − neutral``, without rows that have no point.
    notes : tuple of str
        Recordings that were left out, and why: one sentence each.
    """

    registered: pd.DataFrame
    neutral: pd.DataFrame
    motion: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def report(self) -> pd.DataFrame:
        """Each recording's neutral frame, its distance from rest and warnings: see `neutral_report`."""
        return neutral_report(recordings_with_a_face(self.registered), self.neutral)

    @property
    def mean_neutral(self) -> pd.Series[float]:
        """The average neutral face, in registered pixels: what units are drawn on."""
        return self.neutral.mean()


def prepare(
    faces: FacesLike | pd.DataFrame | Sequence[FacesLike | pd.DataFrame],
    *,
    preprocessor: Pipeline | None = None,
    scheme: str | None = None,
    neutral: str | pd.DataFrame | None = None,
    neutral_frame: int | None = None,
) -> pd.DataFrame:
    r"""Return keypoint motion, ``K_t = R(x_t) − R(x_{neutral})``, in registered pixels; R is the preprocessing.

    Parameters
    ----------
    faces : Dataset, keypoint table, or a sequence of them
        As `dfecs_lib.load` returns them. Neutral frames belong to a subject: recordings of one subject share them,
        whatever tables they come in.
    preprocessor : Pipeline, optional
        Of `make_preprocessor`; by default ``make_preprocessor()``.
    scheme : str, optional
        Keypoint scheme of the result, needed where the tables are of different ones. Points that it lacks are taken
        away before registration, so that all tables are registered by the same points; points that faces lack are NaN.
        By default a mesh of 478 points (and WFLW's 98) is brought to the 68 that stand nearest, which is what most
        units are made of; ``"tracked"`` keeps all points, as does a table that was loaded so. The motion of the 68
        among them is the same either way.
    neutral : str or keypoint table, optional
        A method of `dfecs_lib.neutral.choose_neutral`; or faces (not yet registered) that are neutral: one row for
        all, or one a subject or a recording. By default the frames that the data name, else the default method's.
    neutral_frame : int, optional
        The neutral frame's number, in every recording.

    Returns
    -------
    KPM table
        One row a frame with at least one point; ``attrs["history"]`` ends with how it was prepared, from which a model
        learns to prepare other faces alike.

    Raises
    ------
    DfecsError
        If no frame shows a face that can be registered, a table is not one of keypoints or holds motion already, or a
        recording lacks the neutral frame asked for.

    See Also
    --------
    dfecs_lib.preprocessing.preparation : The same, with the registered faces, the neutral ones and an account.

    Examples
    --------
    >>> from dfecs_lib import load
    >>> prepare(load("sim-ckplus")).attrs["history"][-1]["operation"]
    'prepare'
    """
    return preparation(
        faces, preprocessor=preprocessor, scheme=scheme, neutral=neutral, neutral_frame=neutral_frame
    ).motion


def preparation(
    faces: FacesLike | pd.DataFrame | Sequence[FacesLike | pd.DataFrame],
    *,
    preprocessor: Pipeline | None = None,
    scheme: str | None = None,
    neutral: str | pd.DataFrame | None = None,
    neutral_frame: int | None = None,
) -> Preparation:
    """Return the motion of `prepare` together with the registered faces, the neutral ones and what was left out.

    Parameters and errors are those of `prepare`.

    Examples
    --------
    >>> from dfecs_lib import load
    >>> preparation(load("sim-ckplus")).mean_neutral.round().loc[["x_27", "y_27"]].to_list()
    [700.0, 1000.0]
    """
    items = list(faces) if isinstance(faces, Sequence) else [faces]
    if not items:
        raise DfecsError("no table of tracked faces to prepare")
    pipeline = make_preprocessor() if preprocessor is None else preprocessor
    tables = [_table(item if isinstance(item, pd.DataFrame) else item.keypoints, scheme) for item in items]
    scheme = None if scheme == TRACKED else scheme
    if scheme is None and len(schemes := sorted({scheme_of(table).name for table in tables})) > 1:
        raise DfecsError(f"the tables are of different schemes ({', '.join(schemes)}); say which with scheme")
    notes: list[str] = []
    with one_blas_thread():  # once for all tables: to find the libraries takes as long as to register a small one
        registered = [_registered(table, pipeline, scheme, notes) for table in tables]
    own = [
        None if isinstance(item, pd.DataFrame) or neutral is not None or neutral_frame is not None else item.neutral
        for item in items
    ]
    whole = stack(registered)
    if not whole.notna().any(axis=None):
        raise DfecsError("; ".join(["no frame shows a face", *(note.rstrip(".") for note in notes[:_MOST_NAMED])]))
    known = [_at(table, rows, pipeline) for table, rows in zip(registered, own, strict=True) if rows is not None]
    if isinstance(neutral, pd.DataFrame):
        known = [_given(neutral, pipeline, whole)]
    else:
        unserved = recordings_with_a_face(_without_neutral(whole, known))
        if not unserved.empty:
            known.append(choose_neutral(unserved, neutral or DEFAULT_METHOD, neutral_frame))
    rest = stack(known)
    rest.attrs["history"] = known[-1].attrs.get("history", [])
    whole = _with_a_neutral_face(whole, rest, notes)
    motion = motion_vectors(whole, rest)
    assert isinstance(motion, pd.DataFrame)
    kept = motion[motion.notna().any(axis=1)]
    kept.attrs = motion.attrs
    rule = neutral if isinstance(neutral, str) else "given" if neutral is not None else None
    kept = record(kept, "prepare", preprocessing=settings_of(pipeline), neutral=rule)
    return Preparation(whole, rest, kept, tuple(notes))


def _table(faces: pd.DataFrame, scheme: str | None) -> pd.DataFrame:
    """Bring a table to the contract: columns and rows in order, lost attrs told by the columns, the points wanted."""
    table = in_order(faces)
    if not table.index.is_monotonic_increasing and list(table.index.names) == list(INDEX_NAMES):
        attrs, table = table.attrs, table.sort_index()
        table.attrs = attrs
    if "scheme" not in table.attrs:
        table = table.copy(deep=False)
        table.attrs = {"scheme": scheme_of(table).name, "history": []}
    if any(entry.get("operation") == "motion_vectors" for entry in table.attrs.get("history", [])):
        raise DfecsError("this table holds motion already (its history says so); fit a model to it as it is")
    return points_wanted(validate(table), scheme)


def _registered(table: pd.DataFrame, pipeline: Pipeline, scheme: str | None, notes: list[str]) -> pd.DataFrame:
    """Register a table's recordings; those that cannot be go to the notes and stay NaN."""
    target = get_scheme(scheme) if scheme is not None else scheme_of(table)
    faces = recordings_with_a_face(table)
    notes += [f"{name}: no frame shows a face." for name in _names_lost(table, faces)]
    if faces.empty:
        return convert(table, target)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*frames is usable")  # the notes say which recordings, and why
        registered = pipeline.fit_transform(faces)
    notes += [
        f"{name}: no frame can be registered; points that hold the face in place (eye corners, nose, ends of the jaw "
        "line) are missing, or lie in one place, in all of them."
        for name in _names_lost(faces, recordings_with_a_face(registered))
    ]
    return convert(registered, target)


def _keys(table: pd.DataFrame) -> pd.Index:
    return cast("pd.MultiIndex", table.index).droplevel(["frame"]).unique()


def _subjects(keys: pd.Index) -> pd.Index:
    return cast("pd.MultiIndex", keys).droplevel(["recording"])


def _names_lost(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    if len(before) == len(after):
        return []
    return ["recording " + "/".join(filter(None, map(str, key))) for key in _keys(before).difference(_keys(after))]


def _at(registered: pd.DataFrame, rows: pd.DataFrame, pipeline: Pipeline) -> pd.DataFrame:
    """Return the registered faces of known neutral frames, which need not be among the frames that are prepared."""
    if not rows.index.isin(registered.index).all():
        name = scheme_of(registered).name
        registered = _registered(_table(rows, name), pipeline, name, [])
    found = registered.loc[rows.index]
    found = found[found.notna().any(axis=1)]
    found.attrs = {**registered.attrs, "history": rows.attrs.get("history", [])}
    return found


def _given(neutral: pd.DataFrame, pipeline: Pipeline, faces: pd.DataFrame) -> pd.DataFrame:
    """Register the neutral faces given; a single one serves every recording."""
    name = scheme_of(faces).name
    rest = _registered(_table(neutral, name), pipeline, name, [])
    rest = recordings_with_a_face(rest)
    if rest.empty:
        raise DfecsError("the neutral face that was given cannot be registered; give another frame")
    if len(rest) > 1:
        return rest
    keys = _keys(faces)
    index = pd.MultiIndex.from_tuples([(*key, rest.index[0][3]) for key in keys], names=INDEX_NAMES)
    out = pd.DataFrame(np.repeat(rest.to_numpy(), len(keys), axis=0), index=index, columns=rest.columns)
    out.attrs = rest.attrs
    return record(out, "neutral_given", face="/".join(map(str, rest.index[0])))


def _served(keys: pd.Index, rest: Sequence[pd.DataFrame]) -> NDArray[np.bool_]:
    """Say which recordings have a neutral face: their own, or one of their subject."""
    served = np.zeros(len(keys), dtype=np.bool_)
    for rows in rest:
        subjects = _subjects(_keys(rows))
        # Of a subject with several neutral faces, none is that of another recording.
        served |= keys.isin(_keys(rows)) | _subjects(keys).isin(subjects[~subjects.duplicated(keep=False)])
    return served


def _of(faces: pd.DataFrame, keys: pd.Index) -> pd.DataFrame:
    rows = faces[cast("pd.MultiIndex", faces.index).droplevel(["frame"]).isin(keys)]
    rows.attrs = faces.attrs
    return rows


def _without_neutral(faces: pd.DataFrame, rest: Sequence[pd.DataFrame]) -> pd.DataFrame:
    keys = _keys(faces)
    return _of(faces, keys[~_served(keys, rest)])


def _with_a_neutral_face(faces: pd.DataFrame, rest: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Leave out the recordings of which neither they nor their subject have a neutral face."""
    keys = _keys(faces)
    served = _served(keys, [rest])
    if served.all():
        return faces
    shown = _keys(recordings_with_a_face(faces))
    lost = [key for key in keys[~served] if key in shown]
    notes += [f"recording {'/'.join(filter(None, map(str, key)))}: has no neutral face." for key in lost]
    kept = _of(faces, keys[served])
    if kept.empty:
        raise DfecsError("no recording has a neutral face; choose them by another rule, such as neutral='first'")
    return kept
