"""The whole preprocessing as one scikit-learn pipeline, and the settings that rebuild it."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline

from dfecs_lib.errors import DfecsError
from dfecs_lib.preprocessing.frontalization import METHODS, Frontalizer
from dfecs_lib.preprocessing.linear import WEIGHTS_SHAPE, load_weights
from dfecs_lib.preprocessing.registration import AffineRegistration, PartRegistration
from dfecs_lib.preprocessing.smoothing import Smoothing

__all__ = ["from_settings", "make_preprocessor", "settings_from_history", "settings_of"]


def make_preprocessor(
    frontalize: bool = True,
    affine: bool = True,
    parts: bool = True,
    *,
    method: str = "pose",
    weights: ArrayLike | str | os.PathLike[str] | None = None,
    smooth: float | None = None,
    frames_per_second: float | None = None,
) -> Pipeline:
    """Return the preprocessing: frontalization, affine registration, part registration, each of which may be left out.

    Parameters
    ----------
    frontalize, affine, parts : bool
        Which steps to take.
    method, weights
        The frontalization's, see `Frontalizer`.
    smooth : float, optional
        Seconds over which raw tracks are smoothed first, see `Smoothing`; by default not at all.
    frames_per_second : float, optional
        For `smooth`, of tables that do not say it.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Steps "frontalize", "affine", "parts", a step left out being "passthrough"; before them "smooth", if asked for.
        It learns nothing, so it may be used without fitting.

    Examples
    --------
    >>> import numpy as np
    >>> from dfecs_lib.anatomy.head import load_head
    >>> face = load_head().mean[:, :2].T.reshape(1, -1)
    >>> make_preprocessor().fit_transform(face).shape
    (1, 136)
    """
    if smooth is None and frames_per_second is not None:
        raise DfecsError("frames_per_second is for smoothing; give smooth (seconds), too")
    first = [] if smooth is None else [("smooth", Smoothing(smooth, frames_per_second))]
    return Pipeline(
        [
            *first,
            ("frontalize", Frontalizer(method=method, weights=weights) if frontalize else "passthrough"),
            ("affine", AffineRegistration() if affine else "passthrough"),
            ("parts", PartRegistration() if parts else "passthrough"),
        ]
    )


def settings_of(preprocessor: Pipeline) -> dict[str, object]:
    """Return the settings of a preprocessor of `make_preprocessor`, as JSON values; weights are included whole.

    Examples
    --------
    >>> settings_of(make_preprocessor(parts=False))
    {'frontalize': True, 'affine': True, 'parts': False, 'method': 'pose'}
    """
    steps = dict(getattr(preprocessor, "steps", []))
    smoothing = steps.pop("smooth", None)
    kinds = {"frontalize": Frontalizer, "affine": AffineRegistration, "parts": PartRegistration}
    if (
        type(smoothing) not in (Smoothing, type(None))
        or list(steps) != list(kinds)
        or not all(s == "passthrough" or type(s) is kinds[n] for n, s in steps.items())
    ):
        raise DfecsError("only a preprocessor of make_preprocessor has settings; this pipeline has other steps")
    settings: dict[str, object] = {name: step != "passthrough" for name, step in steps.items()}
    frontalizer = steps["frontalize"]
    if isinstance(frontalizer, Frontalizer):
        settings["method"] = frontalizer.method
        if frontalizer.method == "linear":
            raw = load_weights(frontalizer.weights).astype("<f8").tobytes()
            settings["weights"] = base64.b64encode(raw).decode("ascii")
    return {**settings, **_smoothing_settings(smoothing)}


def _smoothing_settings(smoothing: Smoothing | None) -> dict[str, object]:
    if smoothing is None:
        return {}
    rate = smoothing.frames_per_second
    stated = {} if rate is None else {"frames_per_second": float(rate)}
    return {"smooth": float(smoothing.seconds), **stated}


def settings_from_history(history: Sequence[Mapping[str, object]]) -> dict[str, object] | None:
    """Return the settings of the preprocessing that a table's history tells of, or None where it does not tell.

    Examples
    --------
    >>> steps = [{"operation": "affine_registration"}, {"operation": "motion_vectors"}]
    >>> settings_from_history(steps)
    {'frontalize': False, 'affine': True, 'parts': False}
    """
    done = {str(entry.get("operation")): entry for entry in history}
    prepared = done.get("prepare")
    if prepared is not None:
        kept = prepared.get("preprocessing")
        return dict(kept) if isinstance(kept, Mapping) else None
    if "motion_vectors" not in done:
        return None
    frontalize = done.get("frontalize")
    settings: dict[str, object] = {
        "frontalize": frontalize is not None,
        "affine": "affine_registration" in done,
        "parts": "part_registration" in done,
    }
    smooth = done.get("smooth")
    if smooth is not None:
        settings |= {"smooth": smooth.get("seconds")}
        settings |= (
            {} if smooth.get("frames_per_second") is None else {"frames_per_second": smooth["frames_per_second"]}
        )
    if frontalize is None:
        return settings
    method = frontalize.get("method")
    # Of given weights the history keeps a checksum only.
    return {**settings, "method": method} if method == "pose" else None


def from_settings(settings: Mapping[str, object]) -> Pipeline:
    """Rebuild the preprocessor that `settings_of` described.

    Raises
    ------
    DfecsError
        If the settings are not of that form.

    Examples
    --------
    >>> settings_of(from_settings({"frontalize": False, "affine": True, "parts": True}))
    {'frontalize': False, 'affine': True, 'parts': True}
    """
    unknown = set(settings) - {"frontalize", "affine", "parts", "method", "weights", "smooth", "frames_per_second"}
    if unknown:
        raise DfecsError(f"unknown preprocessing settings: {', '.join(sorted(unknown))}")
    switches = {name: settings.get(name, True) for name in ("frontalize", "affine", "parts")}
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise DfecsError(f"the preprocessing setting {name!r} must be true or false, not {value!r}")
    weights = settings.get("weights")
    array = None
    if weights is not None:
        try:
            array = np.frombuffer(base64.b64decode(str(weights), validate=True), dtype="<f8").reshape(WEIGHTS_SHAPE)
            load_weights(array)
        except ValueError as error:
            raise DfecsError(f"the preprocessing setting 'weights' cannot be read: {error}") from None
    method = settings.get("method", "pose")
    if method not in METHODS or (method == "linear") != (array is not None):
        raise DfecsError(
            f"the preprocessing setting 'method' is {method!r:.60}; known: 'pose', and 'linear' with weights"
        )
    numbers: dict[str, float | None] = {}
    for name in ("smooth", "frames_per_second"):
        value = settings.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0):
            raise DfecsError(f"the preprocessing setting {name!r} must be a number above 0, not {value!r:.60}")
        numbers[name] = None if value is None else float(value)
    return make_preprocessor(
        frontalize=bool(switches["frontalize"]),
        affine=bool(switches["affine"]),
        parts=bool(switches["parts"]),
        method=str(method),
        weights=array,
        smooth=numbers["smooth"],
        frames_per_second=numbers["frames_per_second"],
    )
