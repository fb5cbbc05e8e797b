"""Registration of exemplar faces: one person at rest and in one action after the other, as in the FACS manual."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import coordinates, in_order, record, scheme_of
from dfecs_lib.preprocessing.frontalization import Frontalizer
from dfecs_lib.preprocessing.registration import PartRegistration, affine_targets, fit_affine

__all__ = ["STILL_POINTS", "register_exemplars"]

#: iBUG-68 points that no action unit moves by itself: ends of the jaw line, root of the nose, corners of the eyes.
STILL_POINTS: tuple[int, ...] = (0, 16, 27, 36, 39, 42, 45)


def register_exemplars(faces: pd.DataFrame, neutral: str = "neutral", *, frontalize: bool = True) -> pd.DataFrame:
    r"""Register exemplars of one face so that each shows its own action and nothing else.

    The recipe fits its affine map to every face anew, with the base of the nose (33) among six anchors. That is right
    where nothing is known of a face. But AU 9 and AU 10 raise the base of the nose: pinned there, a wrinkled nose comes
    out as a dropped jaw. The exemplars of one face have one size and proportion, so that the neutral face's map, the
    recipe's own, serves all of them:

    1. a similarity (turn, size, shift) lays each face's `STILL_POINTS` on those of the neutral face, least squares;
    2. the affine map of the neutral face, with the recipe's anchors, registers them all;
    3. part registration, as in the recipe: its anchors are among the points that no action unit moves.

    The neutral exemplar itself is registered exactly as `make_preprocessor` would.

    Faces as such keep the recipe's registration, in which a wrinkled nose does drop the jaw, so that units registered
    so describe them a little differently: with at most 4 units a frame, 71.0 instead of 67.5 % of seven signers' motion
    and 88.8 instead of 90.3 % of simulated faces'; with at most 16, 90.9 instead of 92.1 and 98.3 instead of 98.9.

    Parameters
    ----------
    faces : keypoint table
        One row a face; the level "recording" names it. All of the same person.
    neutral : str
        Name of the face at rest.
    frontalize : bool
        Free the faces of head pose first, as `make_preprocessor` does.

    Returns
    -------
    keypoint table
        Registered faces, in the order of `faces`.

    Raises
    ------
    DfecsError
        If there is not exactly one neutral face, or a face lacks anchors.

    Examples
    --------
    >>> from dfecs_lib.simulate import exemplar_table
    >>> faces = register_exemplars(exemplar_table(combinations=False)).droplevel(["dataset", "subject", "frame"])
    >>> motion = faces.loc["AU09"] - faces.loc["neutral"]
    >>> bool(motion["y_33"] < -20), bool(abs(motion["y_8"]) < 5)  # the base of the nose rises, the chin stays
    (True, True)
    """
    faces = in_order(faces)
    scheme = scheme_of(faces)
    turned = Frontalizer().fit_transform(faces) if frontalize else faces
    k = scheme.n_points
    rows = coordinates(turned)
    at_rest = np.flatnonzero(faces.index.get_level_values("recording") == neutral)
    if len(at_rest) != 1:
        raise DfecsError(f"exactly one exemplar must be the face at rest, {neutral!r}; there are {len(at_rest)}")
    targets = affine_targets(scheme)
    still = scheme.positions([p for p in STILL_POINTS if scheme.has(p)])
    anchors = scheme.positions(list(targets))
    points = rows[:, :k] + 1j * rows[:, k:]
    if not np.isfinite(points[:, still]).all() or not np.isfinite(points[at_rest][:, anchors]).all():
        raise DfecsError("an exemplar lacks an eye corner, the root of the nose or an end of the jaw line")
    rest = points[at_rest[0]]
    ours, theirs = points[:, still], rest[still]
    centre, goal = ours.mean(axis=1, keepdims=True), theirs.mean()
    apart = ours - centre
    turn = ((theirs - goal) * apart.conj()).sum(axis=1) / np.square(np.abs(apart)).sum(axis=1)
    laid = turn[:, None] * (points - centre) + goal
    source = np.stack([rest[anchors].real, rest[anchors].imag])[None]
    (a,) = fit_affine(source, np.array(list(targets.values()), dtype=np.float64).T)
    x, y = (a[i, 0] * laid.real + a[i, 1] * laid.imag + a[i, 2] for i in range(2))
    result = pd.DataFrame(np.hstack([x, y]), index=faces.index, columns=faces.columns)
    result.attrs = dict(turned.attrs)
    registered = PartRegistration().transform(record(result, "exemplar_registration", still=list(STILL_POINTS)))
    assert isinstance(registered, pd.DataFrame)
    return registered
