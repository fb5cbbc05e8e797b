"""DFECS: a data-driven facial expression coding system (arXiv 2406.05434).

Data walk one road: `load` (files, videos, simulator -> keypoint table) -> `dfecs_lib.preprocessing.prepare` (keypoint
motion) -> `dfecs_lib.ffm.FullFaceModel` (units and codes) -> evaluation. Sub-modules are imported when first used, so
that ``import dfecs_lib`` stays cheap.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

__version__ = "0.2.0"

_FUNCTIONS = {
    "load": "dfecs_lib.data.load",
    "load_dataset": "dfecs_lib.data.datasets",
    "prepare": "dfecs_lib.preprocessing",
    "read_keypoints": "dfecs_lib.data.readers",
}

if TYPE_CHECKING:
    from dfecs_lib.data.datasets import load_dataset
    from dfecs_lib.data.load import load
    from dfecs_lib.data.readers import read_keypoints
    from dfecs_lib.preprocessing import prepare

__all__ = ["__version__", "load", "load_dataset", "prepare", "read_keypoints"]


def _submodules() -> frozenset[str]:
    return frozenset(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def __getattr__(name: str) -> object:
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(_FUNCTIONS[name]), name)
    if name in _submodules():
        return importlib.import_module(f"dfecs_lib.{name}")
    raise AttributeError(f"module 'dfecs_lib' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_submodules() | _FUNCTIONS.keys() | {"__version__"})
