"""A probe: from codes of units to action units that FACS names, learned from labelled frames; a file without code."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib import __version__
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.detection.features import with_context
from dfecs_lib.models.storage import damaged, read_model_file, write_model_file

__all__ = ["Kind", "Layers", "Probe", "load_probe"]

Array = NDArray[np.float64]
Kind = Literal["linear", "small"]
#: Weights and intercepts, layer by layer; between layers, negative values become 0.
Layers = tuple[tuple[Array, Array], ...]
_KIND = "probe"
# Scores are products of such numbers; beyond this they would overflow.
_LARGEST_NUMBER = 1e12
_ARRAYS = ("mean_", "scale_", "threshold_", "slope_", "intercept_")


def through(layers: Layers, values: Array) -> Array:
    """Return what a network of these layers gives."""
    for k, (weights, intercepts) in enumerate(layers):
        values = values @ weights + intercepts
        values = np.maximum(values, 0) if k < len(layers) - 1 else values
    return values


@dataclass(frozen=True, eq=False)
class Probe:
    """A fitted probe; `fit_probe` makes one.

    Parameters
    ----------
    action_units : tuple of str
        ``AU01 …``
    inputs : tuple of str
        Names of the codes that it reads.
    kind : {"linear", "small"}
    context : int
        Frames on either side that it looks at, see `with_context`.
    mean_, scale_ : arrays of shape (n_features,)
        Of the training codes, by which codes are standardized.
    occurrence, intensity : Layers
        To scores of occurrence and to raw intensities, a column an AU.
    threshold_ : array of shape (n_aus,)
        Scores from which an AU is said to be there: the best F1 on training people left out.
    slope_, intercept_ : arrays of shape (n_aus,)
        Calibration of raw intensities, on training people left out.
    card : mapping
        The model card: what it was learned from, whether people are simulated, measures with intervals.
    """

    action_units: tuple[str, ...]
    inputs: tuple[str, ...]
    kind: Kind
    context: int
    mean_: Array = field(repr=False)
    scale_: Array = field(repr=False)
    occurrence: Layers = field(repr=False)
    intensity: Layers = field(repr=False)
    threshold_: Array = field(repr=False)
    slope_: Array = field(repr=False)
    intercept_: Array = field(repr=False)
    card: Mapping[str, object] = field(default_factory=dict, repr=False)

    def features(self, codes: pd.DataFrame) -> pd.DataFrame:
        """Return standardized inputs of codes, matched by name."""
        lacking = [name for name in self.inputs if name not in codes.columns]
        if lacking or len(codes.columns) != len(self.inputs):
            raise DfecsError(
                f"this probe reads codes of {len(self.inputs)} units ({self.inputs[0]} …), not of {len(codes.columns)} "
                f"({', '.join(map(str, codes.columns[:3]))} …); use it with the units that it was trained with"
            )
        features = with_context(codes[list(self.inputs)], self.context)
        return pd.DataFrame((features.to_numpy() - self.mean_) / self.scale_, features.index, features.columns)

    def predict(self, codes: pd.DataFrame) -> pd.DataFrame:
        """Return, for every frame, columns ``(AU, "decision" | "score" | "estimate")``; NaN where there are no codes.

        ``decision`` is 0 or 1, ``estimate`` a calibrated intensity from 0 to 5.
        """
        inputs = self.features(codes)
        values = inputs.to_numpy(np.float64)
        seen = np.isfinite(values).all(axis=1)
        score = np.full((len(values), len(self.action_units)), np.nan)
        estimate = score.copy()
        score[seen] = through(self.occurrence, values[seen])
        raw = through(self.intensity, values[seen])
        estimate[seen] = np.clip(raw * self.slope_ + self.intercept_, 0, 5)
        decision = np.where(seen[:, None], score >= self.threshold_, np.nan)
        parts = {"decision": decision, "score": score, "estimate": estimate}
        columns = {(au, kind): v[:, k] for k, au in enumerate(self.action_units) for kind, v in parts.items()}
        return pd.DataFrame(columns, index=inputs.index)

    def openface_columns(self, codes: pd.DataFrame) -> pd.DataFrame:
        """Return what `predict` gives in OpenFace's names: ``AU01_r …`` (0–5), then ``AU01_c …`` (0 or 1)."""
        found = self.predict(codes)
        kinds = {"_r": "estimate", "_c": "decision"}
        columns = {au + suffix: found[au, kind] for suffix, kind in kinds.items() for au in self.action_units}
        return pd.DataFrame(columns).reindex(codes.index)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the probe to an ``.npz`` file: arrays and a JSON text, nothing that is run."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        for what in ("occurrence", "intensity"):
            for k, (weights, intercepts) in enumerate(getattr(self, what)):
                arrays |= {f"{what}_{k}_weights": weights, f"{what}_{k}_intercepts": intercepts}
        header = {
            "kind": _KIND,
            "probe": self.kind,
            "action_units": list(self.action_units),
            "inputs": list(self.inputs),
            "context": self.context,
            "card": dict(self.card),
        }
        write_model_file(Path(path), header, arrays, __version__)


def load_probe(path: str | os.PathLike[str]) -> Probe:
    """Read a probe; DfecsError says why a file is not one."""
    where = Path(path)
    header, arrays = read_model_file(where)
    if header.get("kind") != _KIND:
        raise DfecsError(f"{where}: holds units, not a probe; train one with 'dfecs probe train'")
    units, inputs = (_texts(header.get(name), where) for name in ("action_units", "inputs"))
    context, kind, card = header.get("context"), header.get("probe"), header.get("card")
    if (kind != "linear" and kind != "small") or not isinstance(context, int) or not 0 <= context <= 1000:
        raise damaged(where, "its settings are none that a probe has")
    if not isinstance(card, dict):
        raise damaged(where, "it has no model card")
    n_in = len(inputs) * (3 if context else 1)
    layers = {what: _layers(arrays, what, n_in, len(units), where) for what in ("occurrence", "intensity")}
    for name in _ARRAYS:
        expected = (n_in if name in ("mean_", "scale_") else len(units),)
        if name not in arrays or arrays[name].shape != expected or not _sound(arrays[name]):
            raise damaged(where, f"{name} is not {expected[0]} numbers")
    mean, scale, threshold, slope, intercept = (arrays[name] for name in _ARRAYS)
    if not (scale > 1 / _LARGEST_NUMBER).all():
        raise damaged(where, "scale_ is not above 0")
    return Probe(
        tuple(units),
        tuple(inputs),
        kind,
        context,
        mean,
        scale,
        layers["occurrence"],
        layers["intensity"],
        threshold,
        slope,
        intercept,
        card,
    )


def _texts(value: object, where: Path) -> Sequence[str]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v.isprintable() for v in value):
        raise damaged(where, "it does not name its units")
    if len(set(value)) < len(value):
        raise damaged(where, "two of its units have one name")
    return value


def _sound(values: Array) -> bool:
    return bool((np.abs(values) < _LARGEST_NUMBER).all())


def _layers(arrays: Mapping[str, Array], what: str, n_in: int, n_out: int, where: Path) -> Layers:
    layers: list[tuple[Array, Array]] = []
    while f"{what}_{len(layers)}_weights" in arrays:
        name = f"{what}_{len(layers)}"
        weights, intercepts = arrays[f"{name}_weights"], arrays.get(f"{name}_intercepts", np.empty(0))
        if weights.ndim != 2 or weights.shape[0] != n_in or intercepts.shape != weights.shape[1:]:
            raise damaged(where, f"{name} does not fit its inputs")
        if not (_sound(weights) and _sound(intercepts)):
            raise damaged(where, f"{name} holds numbers that are not finite, or far too large")
        layers.append((weights, intercepts))
        n_in = weights.shape[1]
    if not layers or n_in != n_out:
        raise damaged(where, f"{what} has no layers, or not a column an action unit")
    return tuple(layers)
