"""The small interface that every landmark detector stands behind, and the register of those known by name."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.schemes import TRACKED, get_scheme, made_of

__all__ = [
    "BACKENDS",
    "Backend",
    "Detection",
    "Image",
    "Setting",
    "backend_key",
    "backend_of",
    "open_backend",
    "register_backend",
]

#: An RGB picture of shape (height, width, 3), 8 bits a channel.
Image = NDArray[np.uint8]
#: What a backend's options may hold; JSON values, since they are recorded in the table's history.
Setting = bool | int | float | str | None


@dataclass(frozen=True)
class Detection:
    """One face.

    Parameters
    ----------
    points : array of shape (K, 2)
        Pixels, x then y, y down.
    confidence : float
        The backend's own score, comparable only within that backend; NaN where it has none.
    box : array of shape (4,)
        Left, top, right, bottom of the face as the detector sees it, in pixels.
    spread : float, default NaN
        How far the points move, on average, when the box is shifted a little, as a share of the box's width: large
        where something covers the face. NaN where the backend does not tell.
    """

    points: NDArray[np.float64]
    confidence: float
    box: NDArray[np.float64]
    spread: float = float("nan")


class Backend(Protocol):
    """A landmark detector for the frames of ONE recording, given in order.

    An instance may remember the last frame's faces, so every recording gets an instance of its own.
    Class attributes describe it without loading the package that does the work.
    """

    #: The keypoint scheme of what `faces` returns.
    scheme: str
    #: Distribution packages that it needs, as pip names them; the first one's version is recorded.
    packages: tuple[str, ...]
    #: The extra that installs them.
    extra: str
    #: Raised whenever our own code around the package changes what comes out.
    revision: int
    #: How many frames to give at once; the last batch may be smaller.
    batch: int

    def faces(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Return all faces of each of the next frames."""
        ...

    def close(self) -> None:
        """Free what the backend holds."""
        ...


_REGISTER: dict[str, str] = {
    "dlib": "dfecs_lib.tracking.dlib_backend:DlibBackend",
    "face-alignment": "dfecs_lib.tracking.face_alignment_backend:FaceAlignmentBackend",
    "mediapipe": "dfecs_lib.tracking.mediapipe_backend:MediapipeBackend",
}
#: Backend name -> ``module:class``; add to it with `register_backend`.
BACKENDS: Mapping[str, str] = _REGISTER


def register_backend(name: str, target: str) -> None:
    """Make the class at ``module:class`` (a `Backend`) known under `name`."""
    _REGISTER[name] = target


def _backend_class(name: str) -> type[Backend]:
    if name not in BACKENDS:
        raise DfecsError(f"unknown tracking backend {name!r}; known: {', '.join(BACKENDS)}")
    module, _, attribute = BACKENDS[name].partition(":")
    found: type[Backend] = getattr(importlib.import_module(module), attribute)
    return found


def backend_of(scheme: str | None) -> str:
    """Return the backend that tracks the points of a scheme: dlib, unless another one is the first to give them.

    Examples
    --------
    >>> backend_of(None), backend_of("mediapipe478"), backend_of("wflw98")
    ('dlib', 'mediapipe', 'mediapipe')
    """
    if scheme is None or scheme == TRACKED:
        return "dlib"
    wanted = get_scheme(scheme)
    for name in BACKENDS:
        own = get_scheme(_backend_class(name).scheme)
        if own == wanted or (made_of(wanted, own) is not None if wanted.dense else own.has(*wanted.ibug)):
            return name
    return "dlib"


def _versions(name: str, backend: type[Backend]) -> dict[str, str]:
    versions = {}
    for package in backend.packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            raise DfecsError(
                f"the tracking backend {name!r} needs the package {package!r}, which is not installed: "
                f"pip install 'dfecs_lib[{backend.extra}]'"
            ) from None
    return versions


def _check_settings(name: str, backend: type[Backend], settings: Mapping[str, Setting]) -> None:
    known = list(inspect.signature(backend).parameters)
    unknown = [s for s in settings if s not in known]
    if unknown:
        raise DfecsError(
            f"the tracking backend {name!r} has no setting {', '.join(map(repr, unknown))}; "
            f"it has: {', '.join(known) or 'none'}"
        )


def backend_key(name: str, settings: Mapping[str, Setting]) -> dict[str, object]:
    """Return what decides a backend's result: name, package versions, our revision and the settings.

    Raises
    ------
    DfecsError
        If the name or a setting is unknown, or a package it needs is not installed.
    """
    backend = _backend_class(name)
    _check_settings(name, backend, settings)
    return {
        "backend": name,
        "versions": _versions(name, backend),
        "revision": backend.revision,
        "settings": dict(sorted(settings.items())),
    }


def open_backend(name: str, settings: Mapping[str, Setting] | None = None) -> Backend:
    """Return a backend for one recording; its package is imported now.

    Parameters
    ----------
    name : str
        One of `BACKENDS`.
    settings : mapping, optional
        The backend's own options.

    Raises
    ------
    DfecsError
        If the name or a setting is unknown, a package is not installed, or a model file is not found.
    """
    chosen = dict(settings or {})
    backend_key(name, chosen)
    try:
        return _backend_class(name)(**chosen)
    except ImportError as error:
        raise DfecsError(f"the tracking backend {name!r} cannot be loaded: {error}") from error
