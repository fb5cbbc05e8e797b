"""Units that a file holds: what of a fitted model is written, and what must be true of what is read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.schemes import get_scheme
from dfecs_lib.models.checks import Check, is_text, is_whole, list_of
from dfecs_lib.models.storage import damaged, read_model_file, write_model_file

__all__ = ["SavableUnits"]

_MISSING = object()
# Codes are products of such numbers; beyond this they would overflow, and no pixel is so far away.
_LARGEST_NUMBER = 1e12
#: Settings of the run that trained, which change nothing of the model.
_OF_THE_RUN = ("n_jobs", "progress")


class SavableUnits(BaseEstimator):  # type: ignore[misc]
    """What a fitted model needs to be saved and loaded; a subclass says what it keeps."""

    #: Fitted arrays that `save` writes, with the names of their axes; ``components_`` is always among them. Axes of one
    #: name have one length.
    _arrays: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    #: Fitted JSON values that `save` writes, with what they must be.
    _values: ClassVar[Mapping[str, Check]] = {}
    #: Fitted DataFrames that `save` writes.
    _frames: ClassVar[tuple[str, ...]] = ()

    components_: NDArray[np.float64]
    metadata_: dict[str, object]
    n_features_in_: int

    def _check_settings(self) -> None:
        """Refuse settings out of range, before fitting and after loading."""

    def _check_loaded(self, sizes: Mapping[str, int]) -> None:
        """Refuse fitted values that do not agree with each other; `sizes` are the lengths of the arrays' axes."""

    def save(self, path: str | os.PathLike[str], metadata: Mapping[str, object] | None = None) -> None:
        """Write the model to one ``.npz`` file: arrays, and JSON that says what they are. No pickle.

        Parameters
        ----------
        path : path
            The file appears whole or not at all.
        metadata : mapping of JSON values, optional
            Kept as ``metadata_``: preprocessing settings, provenance. Merged over what the model already carries.
        """
        import dfecs_lib

        check_is_fitted(self)
        header = {
            "model": type(self).__name__,
            "parameters": _jsonable({k: v for k, v in self.get_params(deep=False).items() if k not in _OF_THE_RUN}),
            "fitted": {
                "n_features_in_": self.n_features_in_,
                "feature_names_in_": [str(n) for n in getattr(self, "feature_names_in_", [])],
                **{name: getattr(self, name) for name in self._values},
            },
            "frames": {name: getattr(self, name).to_dict(orient="list") for name in self._frames},
            "metadata": {**getattr(self, "metadata_", {}), **(metadata or {})},
        }
        arrays = {name: np.asarray(getattr(self, name)) for name in ("components_", *self._arrays)}
        write_model_file(Path(path), header, arrays, dfecs_lib.__version__)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model that `save` wrote; DfecsError says why a file is not one. Nothing in the file is executed."""
        source = Path(path)
        header, arrays = read_model_file(source)
        if header.get("model") != cls.__name__:
            raise DfecsError(f"{source}: holds a {header.get('model')}, not a {cls.__name__}")
        return cls._restore(source, header, arrays)

    @classmethod
    def _restore(cls, path: Path, header: Mapping[str, object], arrays: Mapping[str, NDArray[np.float64]]) -> Self:
        try:
            return cls._rebuilt(header, arrays)
        except (DfecsError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise damaged(path, str(error) or type(error).__name__) from error

    @classmethod
    def _rebuilt(cls, header: Mapping[str, object], arrays: Mapping[str, NDArray[np.float64]]) -> Self:
        parameters, fitted, frames, metadata = (
            _part(header, k) for k in ("parameters", "fitted", "frames", "metadata")
        )
        accepted = cls._get_param_names()
        model = cls(**{k: v for k, v in parameters.items() if k in accepted})
        model._check_settings()
        width = fitted.get("n_features_in_")
        if not is_whole(width):
            raise ValueError(f"its number of columns is {width!r}")
        sizes = {"features": width}
        for name, axes in {"components_": ("units", "features"), **cls._arrays}.items():
            setattr(model, name, _fitting(arrays, name, axes, sizes))
        model.n_features_in_ = width
        names = fitted.get("feature_names_in_")
        if not list_of(is_text)(names) or (names and len(names) != width):  # type: ignore[arg-type]
            raise ValueError("its names of columns are not those of its columns")
        if names:
            model.feature_names_in_ = np.array(names, dtype=object)
        for name, check in cls._values.items():
            value = fitted.get(name, _MISSING)
            if value is _MISSING or not check(value):
                raise ValueError(f"{name} is {'missing' if value is _MISSING else repr(value)[:60]}")
            setattr(model, name, value)
        for name in cls._frames:
            setattr(model, name, _frame(name, frames.get(name)))
        scheme = getattr(model, "scheme_", None)
        if scheme is not None and 2 * get_scheme(scheme).n_points != width:
            raise ValueError(f"{width} columns are not those of the scheme {scheme!r}")
        model.metadata_ = metadata
        model._check_loaded(sizes)
        return model


def _part(header: Mapping[str, object], key: str) -> dict[str, object]:
    found = header.get(key)
    if not isinstance(found, dict):
        raise ValueError(f"its description has no {key}")
    return found


def _fitting(
    arrays: Mapping[str, NDArray[np.float64]], name: str, axes: tuple[str, ...], sizes: dict[str, int]
) -> NDArray[np.float64]:
    """The array of that name, whose axes must be as long as others of their names; `sizes` learns new ones."""
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    array = arrays[name]
    for axis, length in zip(axes, array.shape, strict=False):
        sizes.setdefault(axis, length)
    wanted = tuple(sizes.get(axis) for axis in axes)
    if array.shape != wanted or not array.size:
        told = " × ".join(f"{sizes.get(axis, '?')} {axis}" for axis in axes)
        raise ValueError(f"{name} has shape {array.shape} where {told} are needed")
    if not (np.abs(array) < _LARGEST_NUMBER).all():
        raise ValueError(f"{name} holds numbers that are not finite, or far too large")
    return np.ascontiguousarray(array)


def _frame(name: str, columns: object) -> pd.DataFrame:
    scalars = list_of(lambda value: value is None or isinstance(value, str | int | float))
    if not isinstance(columns, dict) or not all(map(scalars, columns.values())):
        raise ValueError(f"{name} is no table")
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError(f"{name} has columns of different lengths")
    return pd.DataFrame(columns)


def _jsonable(parameters: Mapping[str, object]) -> dict[str, object]:
    """Parameters that JSON can hold; tables given as parameters (exemplars) are left out."""
    kept: dict[str, object] = {}
    for name, value in parameters.items():
        try:
            kept[name] = json.loads(json.dumps(value, default=_plain))
        except TypeError:
            kept[name] = None
    return kept


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, range):
        return list(value)
    raise TypeError(f"a {type(value).__name__} is no JSON value")
