"""DFECS: a data-driven facial expression coding system (arXiv 2406.05434).

Data walk one road: files or video -> keypoint table -> preprocessing -> keypoint motion (KPM) -> units and
encodings -> evaluation. Sub-modules are imported when first used, so that ``import dfecs_lib`` stays cheap.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_FUNCTIONS = {"read_keypoints": "dfecs_lib.data.readers", "load_dataset": "dfecs_lib.data.datasets"}

if TYPE_CHECKING:
    from dfecs_lib.data.datasets import load_dataset
    from dfecs_lib.data.readers import read_keypoints

__all__ = ["__version__", "load_dataset", "read_keypoints"]


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
