"""Reading a model file of any kind: which class it holds is written in it."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dfecs_lib.errors import DfecsError
from dfecs_lib.models.storage import read_model_file

if TYPE_CHECKING:
    from dfecs_lib.models.base import UnitsBase

__all__ = ["MODELS", "load_model"]

#: Model -> the module that holds it, imported when a file asks for it. A further kind of model is a line here.
MODELS = {
    "FullFaceModel": "dfecs_lib.ffm.full_model",
    "PartFaceModel": "dfecs_lib.ffm.part_model",
    "PCAUnits": "dfecs_lib.baselines",
    "FACSUnits": "dfecs_lib.baselines",
    "PooledFACSUnits": "dfecs_lib.baselines",
    "PeerUnits": "dfecs_lib.baselines",
    "TwoLevelPCAUnits": "dfecs_lib.baselines",
}


def load_model(path: str | os.PathLike[str]) -> UnitsBase:
    """Read a model of any kind this library writes: full or part face model, PCA, FACS or other units.

    Examples
    --------
    >>> load_model("missing.npz")
    Traceback (most recent call last):
        ...
    dfecs_lib.errors.DfecsError: missing.npz: no such file; train a model first (dfecs train TABLE -o missing.npz)
    """
    source = Path(path)
    header, arrays = read_model_file(source)
    name = header.get("model")
    if not isinstance(name, str) or name not in MODELS:
        raise DfecsError(
            f"{source}: holds a {str(name)[:60]}, not a {', a '.join(MODELS)}; get a model of one of these"
        )
    kind: type[UnitsBase] = getattr(importlib.import_module(MODELS[name]), name)
    return kind._restore(source, header, arrays)
