"""The road from a user's tables to units and encodings, end to end: what the commands train, encode and evaluate do."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from tqdm import tqdm

from dfecs_lib.data.faces import Faces, load_faces
from dfecs_lib.data.sources import stack
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import convert, get_scheme, scheme_of
from dfecs_lib.preprocessing import from_settings, make_preprocessor, motion_vectors, settings_of
from dfecs_lib.preprocessing.neutral import choose_neutral, recordings_with_a_face

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from dfecs_lib.ffm import FullFaceModel
    from dfecs_lib.models.base import UnitsBase

__all__ = ["Faces", "encode", "evaluate", "load_faces", "motion_for", "table_motion", "train"]

_RECORDING = ["dataset", "subject", "recording"]


def table_motion(
    faces: Faces,
    preprocessor: Pipeline,
    *,
    scheme: str | None = None,
    neutral: str | None = None,
    neutral_frame: int | None = None,
) -> pd.DataFrame:
    """Return the keypoint motion of faces: registered, minus each recording's neutral face.

    Parameters
    ----------
    faces : Faces
    preprocessor : Pipeline
        Of `make_preprocessor`.
    scheme : str, optional
        Keypoint scheme of the result. Points that it lacks are taken away before registration, so that all tables are
        registered by the same points; points that the faces lack are NaN.
    neutral : str, optional
        A way of `dfecs_lib.neutral.choose_neutral`. By default the dataset's own neutral frames, else "head".
    neutral_frame : int, optional
        The neutral frame's number, in every recording.

    Returns
    -------
    KPM table
        Without rows that have no point, and without recordings that show no face.

    Raises
    ------
    DfecsError
        If no frame shows a face, or a recording lacks the neutral frame asked for.
    """
    table = faces.keypoints
    target = get_scheme(scheme) if scheme is not None else scheme_of(table)
    if target != scheme_of(table) and scheme_of(table).has(*target.ibug):
        table = convert(table, target)
    table = recordings_with_a_face(table)
    if table.empty:
        raise DfecsError(f"{faces.name}: no frame shows a face")
    registered = preprocessor.fit_transform(table)
    lost = _recordings(table).difference(_recordings(recordings_with_a_face(registered)))
    if len(lost):
        named = "/".join(filter(None, map(str, lost[0])))
        raise DfecsError(
            f"{faces.name}: no frame of recording {named} can be registered; points that hold the face in place (eye "
            "corners, nose, ends of the jaw line) are missing, or lie in one place, in all of them"
        )
    own = faces.neutral if neutral is None and neutral_frame is None else None
    if own is not None:
        rows = registered.loc[own.index.intersection(registered.index)]
        rows.attrs = registered.attrs
    else:
        rows = choose_neutral(registered, neutral or "head", neutral_frame)
    motion = motion_vectors(registered, rows)
    assert isinstance(motion, pd.DataFrame)
    attrs = motion.attrs
    motion = motion.dropna(how="all")
    motion.attrs = attrs
    return convert(motion, target)


def motion_for(
    model: UnitsBase, faces: Faces, *, neutral: str | None = None, neutral_frame: int | None = None
) -> pd.DataFrame:
    """Return the motion of faces prepared as the model's training data were: same preprocessing, same scheme.

    Neutral frames are chosen as `table_motion` says; by default in the way used in training. A frame number given in
    training is not taken over, since it belonged to those recordings.

    Raises
    ------
    DfecsError
        If the model's file does not say how, as for a model saved without metadata.
    """
    metadata = getattr(model, "metadata_", {})
    settings, method = metadata.get("preprocessing"), metadata.get("neutral")
    if not isinstance(settings, dict):
        raise DfecsError("this model does not say how its faces were prepared; train it with 'dfecs train'")
    scheme = getattr(model, "scheme_", None)
    return table_motion(
        faces,
        from_settings(settings),
        scheme=scheme,
        neutral=neutral if neutral is not None or neutral_frame is not None else method,
        neutral_frame=neutral_frame,
    )


def train(
    sources: Sequence[str | os.PathLike[str]],
    *,
    preprocessor: Pipeline | None = None,
    scheme: str | None = None,
    neutral: str | None = None,
    neutral_frame: int | None = None,
    names: str | None = None,
    progress: bool = False,
    **settings: object,
) -> FullFaceModel:
    """Learn units from tables of tracked faces.

    Parameters
    ----------
    sources, names, progress
        See `load_faces`.
    preprocessor : Pipeline, optional
        By default `make_preprocessor()`.
    scheme, neutral, neutral_frame
        See `table_motion`. Tables of different schemes need `scheme`.
    **settings
        Of `dfecs_lib.ffm.FullFaceModel`.

    Returns
    -------
    FullFaceModel
        Its ``metadata_`` holds preprocessing, neutral rule and what it was trained on, and goes into its file.

    Examples
    --------
    >>> model = train(["happy.csv", "sad.csv"], n_units=8)  # doctest: +SKIP
    >>> model.save("units.npz")  # doctest: +SKIP
    """
    from dfecs_lib.ffm import FullFaceModel

    faces = load_faces(sources, names=names, progress=progress)
    schemes = {scheme_of(f.keypoints).name for f in faces}
    if scheme is None and len(schemes) > 1:
        raise DfecsError(f"the tables are of different schemes ({', '.join(sorted(schemes))}); say which with --scheme")
    pipeline = preprocessor if preprocessor is not None else make_preprocessor()
    parts = [
        table_motion(f, pipeline, scheme=scheme, neutral=neutral, neutral_frame=neutral_frame)
        for f in _bar(faces, "registering", progress)
    ]
    motion = parts[0] if len(parts) == 1 else stack(parts)
    if not np.nan_to_num(motion.to_numpy()).any():
        raise DfecsError("no face moves: every frame is like its recording's neutral one; give longer recordings")
    if progress:
        tqdm.write(f"learning units from {len(motion):,} frames", file=sys.stderr)
    model = FullFaceModel(**settings).fit(motion)  # type: ignore[arg-type]  # checked by the model, by name
    trained_on: dict[str, object] = {
        "sources": [_name(f) for f in faces],
        "recordings": int(motion.groupby(level=_RECORDING).ngroups),
        "frames": len(motion) - model.n_rows_dropped_,
        "scheme": scheme_of(motion).name,
        "neutral_frame": neutral_frame,
    }
    model.metadata_ = {
        "preprocessing": settings_of(pipeline),
        "neutral": neutral,
        "training": trained_on,
    }
    return model


def _recordings(table: pd.DataFrame) -> pd.Index:
    return cast("pd.MultiIndex", table.index).droplevel(["frame"]).unique()


def _bar(faces: Sequence[Faces], what: str, progress: bool) -> Iterable[Faces]:
    return tqdm(faces, desc=what, unit="table", disable=not progress or len(faces) == 1)


def _name(faces: Faces) -> str:
    path = Path(faces.name)  # a file's folder is nobody's business who is given the model
    return path.name if path.exists() else faces.name


def encode(
    model: UnitsBase,
    source: str | os.PathLike[str],
    *,
    neutral: str | None = None,
    neutral_frame: int | None = None,
    names: str | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Encode every frame of a table (or of several, in a folder); `neutral`, `neutral_frame` as in `motion_for`.

    Parameters
    ----------
    model : estimator
        Units with ``metadata_``, such as `train` makes.
    source, names, progress
        See `load_faces`.

    Returns
    -------
    DataFrame
        One column a unit, one row for each frame read; NaN where a frame shows no face.
    """
    faces = load_faces([source], names=names, progress=progress)
    codes: list[pd.DataFrame] = []
    for one in _bar(faces, "encoding", progress):
        found = model.transform(motion_for(model, one, neutral=neutral, neutral_frame=neutral_frame))
        assert isinstance(found, pd.DataFrame)
        codes.append(found.reindex(one.keypoints.index))
    whole = pd.concat(codes).sort_index()
    training = getattr(model, "metadata_", {}).get("training")
    history = [{"operation": "encode", "model": type(model).__name__, "training": training}]
    whole.attrs = {"unit": "registered pixels of motion", "history": history}
    return whole


def evaluate(
    model: UnitsBase,
    sources: Sequence[str | os.PathLike[str]],
    *,
    neutral: str | None = None,
    neutral_frame: int | None = None,
    names: str | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Return how well units explain tables they need not have seen; `neutral`, `neutral_frame` as in `motion_for`.

    Parameters
    ----------
    model : estimator
        Units with ``metadata_``, such as `train` makes.
    sources, names, progress
        See `load_faces`.

    Returns
    -------
    DataFrame
        One row a table, and ``all`` where there are several. ``frames`` encoded; ``variance_explained`` (squared,
        uncentred), ``norm_variance_explained`` and ``frame_variance_explained`` in percent; ``active_units`` a frame;
        ``sparsity``, the share of codes that are zero.
    """
    motions = {
        faces.name: motion_for(model, faces, neutral=neutral, neutral_frame=neutral_frame)
        for faces in _bar(load_faces(sources, names=names, progress=progress), "registering", progress)
    }
    if len(motions) > 1:
        motions["all"] = pd.concat(motions.values())
        motions["all"].attrs = next(iter(motions.values())).attrs
    rows = {name: _scores(model, motion) for name, motion in motions.items()}
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.astype({"frames": int}).rename_axis("table")


def _scores(model: UnitsBase, motion: pd.DataFrame) -> Mapping[str, float]:
    from dfecs_lib import metrics

    codes = model.transform(motion)
    guess = model.inverse_transform(codes)
    return {
        "frames": int(np.isfinite(np.asarray(codes)).all(axis=1).sum()),
        "variance_explained": metrics.variance_explained(motion, guess),
        "norm_variance_explained": metrics.norm_variance_explained(motion, guess),
        "frame_variance_explained": metrics.frame_variance_explained(motion, guess),
        "active_units": metrics.active_units(codes),
        "sparsity": metrics.sparsity(codes),
    }
