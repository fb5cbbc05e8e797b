"""What each preprocessing step is worth: leave one out, learn units again, score again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dfecs_lib.baselines import FACSUnits
from dfecs_lib.data.manifest import State, load_manifest, state
from dfecs_lib.evaluation.frames import UnitMeasures, UnitModel, convert_units, in_scheme_of, model_costs, score
from dfecs_lib.evaluation.recovery import au_recovery
from dfecs_lib.evaluation.subjects import sample_frames
from dfecs_lib.keypoints import FACE_PARTS, record, scheme_of
from dfecs_lib.preprocessing import make_preprocessor, prepare

__all__ = ["Faces", "Variant", "ablate", "published_weights", "standard_variants", "variant_motion"]


@dataclass(frozen=True)
class Variant:
    """One way of preprocessing.

    Parameters
    ----------
    name : str
        As tables and figures show it.
    frontalize, affine, parts : bool
        Steps taken.
    method : str
        Of frontalization, see `make_preprocessor`.
    weights : array or path, optional
        For ``method="linear"``.
    neutral : {"given", "head", "shared", "medoid", "calmest", "first"}
        The dataset's own neutral frames, or a rule of `choose_neutral` on the registered faces.
    """

    name: str
    frontalize: bool = True
    affine: bool = True
    parts: bool = True
    method: str = "pose"
    weights: ArrayLike | str | None = field(default=None, repr=False)
    neutral: str = "given"

    def fits(self, K: pd.DataFrame) -> bool:
        """Whether the steps can take this table: linear frontalization needs the jaw, which 49-point faces lack."""
        return not (self.frontalize and self.method == "linear") or scheme_of(K).has(*FACE_PARTS["jaw"])


@dataclass(frozen=True)
class Faces:
    """What an ablation needs of a dataset.

    Parameters
    ----------
    keypoints : keypoint table
    neutral : keypoint table or None
        As a `Dataset` holds them.
    frontal : keypoint table, optional
        True frontal faces without pose and noise (simulated data), with the same rows.
    action_units : DataFrame, optional
        True intensities of the same rows.
    """

    keypoints: pd.DataFrame
    neutral: pd.DataFrame | None
    frontal: pd.DataFrame | None = None
    action_units: pd.DataFrame | None = None


def published_weights(
    name: str = "frontalization-weights", manifest: str | os.PathLike[str] | None = None
) -> str | None:
    """Return the path of a manifest entry's array of weights, or None where it is not on this machine."""
    entry = load_manifest(manifest)[name]
    if state(entry) is not State.READY or entry.path is None:
        return None
    arrays = [entry.path / file.name for file in entry.files if file.name.endswith(".npy")]
    return str(arrays[0]) if arrays else None


def standard_variants(weights: ArrayLike | str | None = None) -> list[Variant]:
    """Ours, each step left out, all left out, and the neutral rules; the published linear weights where given."""
    variants = [Variant("all steps"), Variant("no frontalization", frontalize=False)]
    if weights is not None:
        variants.append(Variant("published linear weights", method="linear", weights=weights))
    return [
        *variants,
        Variant("no affine registration", affine=False),
        Variant("no part registration", parts=False),
        Variant("no preprocessing", frontalize=False, affine=False, parts=False),
        *(Variant(f"neutral: {rule}", neutral=rule) for rule in ("head", "shared", "medoid", "calmest", "first")),
    ]


def variant_motion(keypoints: pd.DataFrame, neutral: pd.DataFrame | None, variant: Variant) -> pd.DataFrame:
    """Motion of a keypoint table under a variant, in that variant's own unit of length."""
    steps = make_preprocessor(
        frontalize=variant.frontalize,
        affine=variant.affine,
        parts=variant.parts,
        method=variant.method,
        weights=variant.weights,
    )
    rule = None if variant.neutral == "given" else variant.neutral
    return prepare(Faces(keypoints, neutral), preprocessor=steps, neutral=rule)


def _without_empty(K: pd.DataFrame) -> pd.DataFrame:
    return K[K.notna().any(axis=1)]


def _rms(K: pd.DataFrame) -> float:
    return float(np.sqrt(np.nanmean(np.square(K.to_numpy()))))


def _scaled(K: pd.DataFrame, factor: float) -> pd.DataFrame:
    return record(K * factor, "scale", factor=factor) if factor != 1 else K


def _true_units(faces: Faces, variant: Variant) -> pd.DataFrame | None:
    """Motion of each true AU where the head has no pose: true frontal faces, registered as the variant registers."""
    if faces.frontal is None or faces.action_units is None or faces.neutral is None:
        return None
    straight = Variant("truth", frontalize=False, affine=variant.affine, parts=variant.parts)
    rest = faces.frontal.loc[faces.neutral.index.intersection(faces.frontal.index)]
    motion = variant_motion(faces.frontal, rest, straight)
    units = FACSUnits().fit(motion, action_units=faces.action_units)
    return pd.DataFrame(units.components_, index=units.unit_names_, columns=list(motion.columns))


def ablate(
    variants: list[Variant],
    train: Faces,
    tests: Mapping[str, Faces],
    make: Mapping[str, Callable[[], UnitModel]],
    *,
    n_frames: int | None = None,
    unit_measures: UnitMeasures | None = None,
    interval: bool = True,
    random_state: int = 0,
) -> pd.DataFrame:
    """Learn and score under every variant.

    The motion of every variant is brought to the root mean square that the first variant's training motion has, by one
    factor a variant, so that a penalty in pixels means the same throughout. Variance explained does not depend on it;
    but a share of *what* changes: without frontalization head pose is part of the motion, and easy to explain.

    Parameters
    ----------
    variants : list of Variant
    train : Faces
    tests : mapping of name -> Faces
    make : mapping of name -> function without arguments
        Returns a fresh, unfitted model.
    n_frames : int, optional
        Frames to train on at most; every variant draws the same ones.
    unit_measures : function of a fitted model, optional
        Returns named figures about the units themselves, such as `dfecs_lib.interpretability.unit_measures`; each
        becomes a metric, the same on every test set.
    interval, random_state
        See `score`; the seed is that of the draw too.

    Returns
    -------
    DataFrame
        Tidy: ``variant, method, test, metric, value, low, high``. Metrics: ``ve_squared``, ``ve_norm``,
        ``active_units``, ``n_units``, ``motion_rms`` (the variant's own unit of length), and, where truth is known,
        ``au_cosine`` and ``au_correlation``: means over AUs of `au_recovery`. A test set whose points a variant
        cannot take (`Variant.fits`) has no rows for it.
    """
    rows: list[tuple[object, ...]] = []
    reference = None
    for variant in variants:
        motion = variant_motion(train.keypoints, train.neutral, variant).pipe(_without_empty)
        size = _rms(motion)
        reference = size if reference is None else reference
        factor = reference / size
        motion = _scaled(motion, factor)
        fitting = {n: f for n, f in tests.items() if variant.fits(f.keypoints)}
        moved = {n: _scaled(variant_motion(f.keypoints, f.neutral, variant), factor) for n, f in fitting.items()}
        for method, fresh in make.items():
            model = fresh().fit(sample_frames(motion, n_frames, random_state))
            fixed = {"n_units": float(len(model.components_)), **(unit_measures(model) if unit_measures else {})}
            for name, faces in fitting.items():
                where = (variant.name, method, name)
                costs = model_costs(model, moved[name])
                for metric in ("ve_squared", "ve_norm", "active_units"):
                    rows.append((*where, metric, *score(costs, metric, interval=interval, random_state=random_state)))
                rows += [(*where, metric, value, np.nan, np.nan) for metric, value in fixed.items()]
                rows.append((*where, "motion_rms", _rms(moved[name]) / factor, np.nan, np.nan))
                truth = _true_units(faces, variant)
                if truth is not None and faces.action_units is not None:
                    rows += [(*where, *row) for row in _recovery(model, moved[name], truth, faces.action_units)]
    return pd.DataFrame(rows, columns=["variant", "method", "test", "metric", "value", "low", "high"])


def _recovery(
    model: UnitModel, K: pd.DataFrame, truth: pd.DataFrame, labels: pd.DataFrame
) -> list[tuple[str, float, float, float]]:
    """Mean best-match cosine and intensity correlation over AUs."""
    inside = in_scheme_of(model, K)
    values = convert_units(truth.to_numpy(), K.attrs["scheme"], inside.attrs["scheme"])
    true_units = pd.DataFrame(values, index=truth.index)
    units, values = np.asarray(model.components_), np.asarray(model.transform(inside))
    if np.nanmin(values) < 0:  # a signed unit may be either end of itself
        units, values = np.concatenate([units, -units]), np.concatenate([values, -values], axis=1)
    found = au_recovery(units, true_units, pd.DataFrame(values, index=inside.index), labels)
    return [
        ("au_cosine", float(found["cosine"].mean()), np.nan, np.nan),
        ("au_correlation", float(found["correlation"].mean()), np.nan, np.nan),
    ]
