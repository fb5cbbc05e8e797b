"""Model files: one ``.npz`` with arrays and a JSON text that describes them. Loading executes nothing."""

from __future__ import annotations

import io
import json
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError

if TYPE_CHECKING:
    from dfecs_lib.ffm.base import UnitsBase

__all__ = ["FORMAT", "load_estimator", "load_model", "save_estimator"]

FORMAT = "dfecs-model-1"
_HEADER = "header_json"
_BROKEN = (
    *(OSError, ValueError, KeyError, EOFError, TypeError, SyntaxError, MemoryError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError),
)


def save_estimator(model: UnitsBase, path: str | os.PathLike[str], metadata: Mapping[str, object]) -> None:
    """Write a fitted model; see `UnitsBase.save`."""
    import dfecs_lib

    arrays = {"components_": np.asarray(model.components_)}
    for name in model._arrays:
        arrays[name] = np.asarray(getattr(model, name))
    header = {
        "format": FORMAT,
        "library": dfecs_lib.__version__,
        "model": type(model).__name__,
        "parameters": _jsonable(model.get_params(deep=False)),
        "fitted": {
            "n_features_in_": model.n_features_in_,
            "feature_names_in_": [str(n) for n in getattr(model, "feature_names_in_", [])],
            **{name: getattr(model, name) for name in model._values},
        },
        "frames": {name: getattr(model, name).to_dict(orient="list") for name in model._frames},
        "metadata": dict(metadata),
    }
    try:
        text = json.dumps(header)
    except TypeError as error:
        raise DfecsError(f"the model's metadata must be JSON values: {error}") from error
    target = Path(path)
    if target.is_dir():
        raise DfecsError(f"{target}: is a folder; name a file for the model, such as units.npz")
    target.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays, **{_HEADER: np.array(text)})
    partial = target.with_name(target.name + ".part")
    partial.write_bytes(buffer.getvalue())
    partial.replace(target)


def _jsonable(parameters: Mapping[str, object]) -> dict[str, object]:
    """Parameters that JSON can hold; tables given as parameters (exemplars) are left out."""
    kept: dict[str, object] = {}
    for name, value in parameters.items():
        try:
            kept[name] = json.loads(json.dumps(value))
        except TypeError:
            kept[name] = None
    return kept


def _read(path: Path) -> tuple[dict[str, object], dict[str, NDArray[np.float64]]]:
    if not path.exists():
        raise DfecsError(f"{path}: no such file; train a model first (dfecs train TABLE -o {path.name})")
    if path.is_dir():
        raise DfecsError(f"{path}: is a folder, not a model file")
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as found:
            if isinstance(found, np.ndarray) or _HEADER not in found.files:
                raise DfecsError(f"{path}: not a model file written by dfecs_lib (no header inside)")
            header = json.loads(str(found[_HEADER]))
            arrays = {name: found[name] for name in found.files if name != _HEADER}
    except DfecsError:
        raise
    except _BROKEN as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DfecsError(f"{path}: not a readable model file ({reason}); write it again with save()") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise DfecsError(f"{path}: not a {FORMAT} file; it was written by another program or another version")
    return header, arrays


def load_estimator(path: str | os.PathLike[str], known: Mapping[str, type[UnitsBase]]) -> UnitsBase:
    """Read a model whose class is among `known`; see `UnitsBase.load`."""
    source = Path(path)
    header, arrays = _read(source)
    name = str(header.get("model"))
    if name not in known:
        raise DfecsError(f"{source}: holds a {name}, not a {' or '.join(known)}")
    try:
        model = _rebuild(known[name], header, arrays)
        units = model.components_
        if units.ndim != 2 or units.shape[1] != model.n_features_in_ or not np.isfinite(units).all():
            raise DfecsError(f"{source}: the stored units do not fit the stored description; write the file again")
    except DfecsError:
        raise
    except (*_BROKEN, AttributeError) as error:
        raise DfecsError(f"{source}: the model file is damaged ({error}); write it again with save()") from error
    return model


def _rebuild(kind: type[UnitsBase], header: dict[str, object], arrays: dict[str, NDArray[np.float64]]) -> UnitsBase:
    parameters, fitted, frames, metadata = (header[k] for k in ("parameters", "fitted", "frames", "metadata"))
    if not all(isinstance(part, dict) for part in (parameters, fitted, frames, metadata)):
        raise TypeError("its header is not a description")
    assert isinstance(parameters, dict)
    assert isinstance(fitted, dict)
    assert isinstance(frames, dict)
    assert isinstance(metadata, dict)
    accepted = kind._get_param_names()
    model = kind(**{k: v for k, v in parameters.items() if k in accepted})
    for attribute in ("components_", *kind._arrays):
        setattr(model, attribute, arrays[attribute])
    model.n_features_in_ = int(fitted["n_features_in_"])
    names = fitted["feature_names_in_"]
    if names:
        model.feature_names_in_ = np.array(names, dtype=object)
    for attribute in kind._values:
        setattr(model, attribute, fitted[attribute])
    for attribute in kind._frames:
        setattr(model, attribute, pd.DataFrame(frames[attribute]))
    model.metadata_ = metadata
    return model


def load_model(path: str | os.PathLike[str]) -> UnitsBase:
    """Read a model of any kind this library writes: full or part face model, PCA or FACS units.

    Examples
    --------
    >>> load_model("missing.npz")
    Traceback (most recent call last):
        ...
    dfecs_lib.errors.DfecsError: missing.npz: no such file; train a model first (dfecs train TABLE -o missing.npz)
    """
    from dfecs_lib.baselines import FACSUnits, PCAUnits
    from dfecs_lib.ffm.full_model import FullFaceModel
    from dfecs_lib.ffm.part_model import PartFaceModel

    return load_estimator(path, {c.__name__: c for c in (FullFaceModel, PartFaceModel, PCAUnits, FACSUnits)})
