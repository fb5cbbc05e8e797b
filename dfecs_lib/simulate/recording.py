"""The making of a simulated dataset as plain arrays, which can be kept in a cache and turned into tables."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dfecs_lib.files import whole_file
from dfecs_lib.keypoints import IBUG68, Scheme
from dfecs_lib.keypoints.dense import MESH_FILE
from dfecs_lib.simulate.action_units import ALL_CHANNELS, Face
from dfecs_lib.simulate.designs import Design, Size, Take
from dfecs_lib.simulate.observe import carried_errors, head_pose, project, runs, tracking_errors
from dfecs_lib.simulate.people import Person, draw_person, stream

__all__ = ["cache_key", "cached_arrays", "record_dataset"]

_Arrays = dict[str, NDArray[np.generic]]
_CLOSURE = np.array([au == 43 for au, _ in ALL_CHANNELS])


def _observe(design: Design, person: Person, take: Take, face: Face, own: np.random.Generator) -> _Arrays:
    """Film one take: true faces, pose, pixels, and tracked ones; `own` draws the further points' errors."""
    rng, n = person.rng, len(take.times)
    step = float(take.times[1] - take.times[0])
    faces = face.express(take.intensities)
    pose, place = head_pose(rng, take.times, design.motion, design.camera)
    followed = np.where(_CLOSURE, design.tracker.lids, 1.0) * take.intensities
    pixels = project(face.express(followed), pose, place, design.camera, design.tracker.sliding, face.scheme)
    scale = design.camera.scale * design.camera.distance / place[:, 2]
    errors = tracking_errors(rng, pose[:, 1], design.tracker, step)
    pixels += carried_errors(errors, face.scheme, design.tracker, own) * scale[:, None, None]
    frozen = runs(rng, n, design.tracker.freezes, 3.0)
    lost = runs(rng, n, design.tracker.dropouts, 6.0)
    frozen[0] = lost[0] = False
    pixels = pixels[np.maximum.accumulate(np.where(frozen, 0, np.arange(n)))]
    return {
        "recording": np.full(n, take.recording),
        "frame": np.arange(1, n + 1),
        "pixels": pixels,
        "lost": lost,
        "frozen": frozen,
        "frontal": faces[..., :2],
        "pose": np.concatenate([pose, place], axis=1),
        "intensities": take.intensities,
    }


def record_dataset(
    design: Design, size: Size, random_state: int, noise: float = 1.0, scheme: Scheme = IBUG68
) -> _Arrays:
    """Return a whole dataset as arrays with one row a frame; ``identity`` and ``resting`` have one row a subject.

    `noise` multiplies the tracker's errors; `scheme` has iBUG's 68 points, or more.
    """
    tracker = replace(design.tracker, smooth=noise * design.tracker.smooth, own=noise * design.tracker.own)
    design = replace(design, tracker=tracker)
    frames: list[_Arrays] = []
    people = [draw_person(name, random_state, design.name) for name in design.subjects[: size.subjects]]
    with threadpool_limits(1, "blas"):  # sums in another order would change the last bit
        for person in people:
            face, own = person.face.on(scheme), stream(random_state, "further points", design.name, person.name)
            for take in design.takes(person, size, random_state):
                made = _observe(design, person, take, face, own)
                frames.append({"subject": np.full(len(made["frame"]), person.name), **made})
    arrays = {key: np.concatenate([part[key] for part in frames]) for key in frames[0]}
    arrays["subjects"] = np.array([person.name for person in people])
    arrays["identity"] = np.array([person.identity for person in people])
    arrays["resting"] = np.array([person.face.on(scheme).neutral[:, :2] for person in people])
    return arrays


def cache_key(name: str, size: str, random_state: int, noise: float, scheme: Scheme = IBUG68) -> str:
    """Return the key of a simulated dataset: a hash of what was asked for and of the simulator's own source."""
    digest = hashlib.sha256(f"{name} {size} {random_state} {noise!r} {scheme.name}".encode())
    here = Path(__file__).parent
    beside = [*(here.parent / "anatomy").glob("head*"), here.parent / "anatomy" / "skin.py", MESH_FILE]
    for path in sorted([*here.glob("*.py"), *beside]):
        digest.update(path.read_bytes())
    return f"{name}-{size}-{random_state}-{digest.hexdigest()[:16]}"


def cached_arrays(
    design: Design,
    size_name: str,
    random_state: int,
    noise: float,
    cache: str | os.PathLike[str] | None,
    scheme: Scheme = IBUG68,
) -> Mapping[str, NDArray[np.generic]]:
    """Return the arrays of `record_dataset`, from the cache folder, which is filled if need be."""
    if cache is None:
        return record_dataset(design, design.sizes[size_name], random_state, noise, scheme)
    path = Path(cache) / f"{cache_key(design.name, size_name, random_state, noise, scheme)}.npz"
    if not path.exists():
        made = record_dataset(design, design.sizes[size_name], random_state, noise, scheme)
        with whole_file(path) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **made)
    with np.load(path, allow_pickle=False) as file:
        return dict(file)
