"""Build a rater study: one HTML page that needs no network, and a key file for the analysis of keypoints."""

from __future__ import annotations

import hashlib
import html
import json
import os
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.anatomy.atlas import load_atlas
from dfecs_lib.anatomy.contours import CONTOURS
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import exists, whole_file
from dfecs_lib.interpretability.units import Units, as_units
from dfecs_lib.keypoints import Scheme, coordinates
from dfecs_lib.rating.labels import PARTS, keypoint_name
from dfecs_lib.rating.trials import MOVES, Trial, make_trials

__all__ = ["FORMAT", "build_study", "load_study", "template"]

FORMAT = "dfecs-rating-study/1"


def template(name: str) -> str:
    """Return the text of a file in ``rating/template``."""
    return resources.files("dfecs_lib.rating").joinpath("template", name).read_text(encoding="utf-8")


def _read_units(path: Path, scheme: str | Scheme | None, signed: bool | None) -> Units:
    from dfecs_lib.ffm import load_model

    return as_units(load_model(path), scheme=scheme, signed=signed)


def _neutral_face(neutral: ArrayLike | None) -> NDArray[np.float64]:
    if neutral is not None:
        rows = coordinates(neutral) if isinstance(neutral, (pd.Series, pd.DataFrame)) else neutral
        face = np.asarray(rows, dtype=np.float64).reshape(-1)
        if face.shape != (136,) or not np.isfinite(face).all():
            raise DfecsError("the neutral face needs 136 finite numbers x_0 … x_67, y_0 … y_67 (iBUG-68)")
        return np.round(face.reshape(2, 68).T, 1)
    face = load_atlas().neutral.copy()
    # Registration moves the nose onto the lips (it is pinned by its root); for the eye they are set apart.
    face[48:68, 1] += 100.0
    return face


def _as_json(trial: Trial) -> dict[str, object]:
    return {
        "id": trial.id,
        "kind": trial.kind,
        "unit": trial.unit,
        "sign": trial.sign,
        "of": trial.of,
        "expect": trial.expect,
        "wrong": list(trial.wrong),
        "moving": list(trial.moving),
        "motion": (trial.motion + 0.0).tolist(),
    }


def build_study(
    units: object,
    out_dir: str | os.PathLike[str],
    *,
    title: str = "Can facial muscles do this?",
    neutral: ArrayLike | None = None,
    scheme: str | Scheme | None = None,
    signed: bool | None = None,
    n_catch: int = 4,
    n_repeats: int | None = None,
    guide: bool = True,
    seed: int = 0,
) -> Path:
    """Write a study of a model's units: ``index.html`` for the raters, ``study.json`` for the analysis.

    Parameters
    ----------
    units : fitted model, Units, array of shape (n_units, 2K), or path of a saved model (``.npz``)
    out_dir : path
        Made where absent; an ``index.html`` of an earlier study there is replaced.
    title : str
    neutral : array of 136 numbers, optional
        The face that moves; a plain drawn one by default.
    scheme, signed
        See `dfecs_lib.interpretability.as_units`. A unit with signed codes is shown both ways.
    n_catch : int
        Motions whose answer is known, half of them impossible, half plain.
    n_repeats : int, optional
        Units shown twice; one in six, at least two, by default.
    guide : bool
        Whether raters may look at a drawing of the directions in which muscles pull. It is recorded.
    seed : int
        Chooses the repeats and, with the rater's code, every rater's order.

    Returns
    -------
    Path
        The page. It is self-contained: it can be mailed, or opened from a memory stick.

    Raises
    ------
    DfecsError
        If there are no units, or the neutral face is not one.
    """
    if n_catch < 0 or (n_repeats is not None and n_repeats < 0):
        raise DfecsError("n_catch and n_repeats are counts: 0 or more")
    if isinstance(units, (str, os.PathLike)):
        found = _read_units(Path(units), scheme, signed)
    else:
        found = as_units(units, scheme=scheme, signed=signed)
    n_shown = len(found) * (2 if found.signed else 1)
    repeats = max(2, round(n_shown / 6)) if n_repeats is None else n_repeats
    atlas = load_atlas()
    study: dict[str, object] = {
        "format": FORMAT,
        "title": title,
        "seed": seed,
        "guide": guide,
        "moves": MOVES,
        "signed": found.signed,
        "neutral": _neutral_face(neutral).tolist(),
        "present": np.flatnonzero(found.present).tolist(),
        "contours": [list(line) for line in CONTOURS],
        "parts": [{"key": key, "name": name, "points": list(points)} for key, name, points in PARTS],
        "names": [keypoint_name(k) for k in range(68)],
        "pulls": [np.round(d[np.isfinite(d[:, 0])], 3).tolist() for d in atlas.directions] if guide else [],
        "trials": [_as_json(t) for t in make_trials(found, n_catch=n_catch, n_repeats=repeats, seed=seed)],
    }
    # The study's name is its content: answers to another version of it are told apart.
    study["id"] = hashlib.sha256(json.dumps(study, sort_keys=True).encode()).hexdigest()[:10]
    text = json.dumps(study, ensure_ascii=False, separators=(",", ":"))
    page = template("study.html")
    for mark, content in (
        ("{{title}}", html.escape(title)),
        ("/*{{css}}*/", template("study.css")),
        ("{{study}}", text.replace("<", "\\u003c")),
        ("/*{{js}}*/", template("study.js")),
    ):
        if mark not in page:
            raise AssertionError(f"the template lacks {mark}")
        page = page.replace(mark, content)
    folder = Path(out_dir)
    # study.json first: a page that raters can open is never without what its answers are analysed with.
    for name, content in (("study.json", text), ("index.html", page)):
        with whole_file(folder / name) as partial:
            partial.write_text(content, encoding="utf-8")
    return folder / "index.html"


def load_study(path: str | os.PathLike[str]) -> dict[str, object]:
    """Read ``study.json`` (or the folder that holds it)."""
    source = Path(path)
    source = source / "study.json" if exists(source) and source.is_dir() else source
    try:
        study = json.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise DfecsError(f"{source}: cannot be read ({error.strerror}); give the study.json of the study") from error
    except ValueError as error:
        raise DfecsError(f"{source}: not a study ({error})") from error
    if not isinstance(study, dict) or study.get("format") != FORMAT:
        raise DfecsError(f"{source}: not a study of the form {FORMAT!r}")
    return study
