r"""A mixed-effects model of motion by labelled intensities: what all people share, how each differs, what is noise.

Motion K of frame t of person s in recording r, coordinate j, by the intensities I of action units a:

.. math:: K_{tj} = \sum_a I_{ta} (d_{aj} + b_{saj}) + c_{rj} + e_{tj}

``d`` is everybody's, ``b`` a person's own, ``c`` a recording's: its resting frame is one frame, with its own error and
its own pose, which every frame of the recording inherits. Errors e of neighbouring frames are alike.

- :math:`b_{saj} \sim N(0, \tau_{ag}^2)`, :math:`c_{rj} \sim N(0, \rho \sigma_j^2)`, e is autoregressive of order one
  with the variance :math:`\sigma_j^2` and the correlation of neighbours φ; ρ and φ are those of greatest likelihood.
- :math:`d_{aj} \sim N(0, \omega_{ag}^2)` for each group g of coordinates: the part of the face, its axis, and whether
  both halves move as mirror images or against each other. So what an action unit does not move is shrunk to nothing,
  and what it moves hardly at all; a group's variance is learned, not set (D. MacKay, "Bayesian interpolation", Neural
  Computation 4, 415–447, 1992).

Estimates are those of generalized least squares and of expectation maximization for the variances (N. Laird and
J. Ware, Biometrics 38, 963–974, 1982).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.keypoints import INDEX_NAMES, Scheme

__all__ = ["Frames", "MixedEffects", "mirror_halves", "mixed_effects"]

Array = NDArray[np.float64]
Numbers = NDArray[np.intp]

#: Correlations of neighbouring frames, and variances of a recording's constant over the error's, that are tried.
_ALIKE = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_CONSTANT = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
# Rounds of expectation maximization before ρ and φ are sought, and how often they are.
_FIRST, _SOUGHT = 8, 2


@dataclass(frozen=True, eq=False)
class MixedEffects:
    """What the model found; a units, p coordinates, S people.

    Attributes
    ----------
    units, error, between : arrays of shape (a, p)
        Everybody's motion for one step of intensity, its standard error, and how much people differ.
    own : array of shape (S, a, p)
        Each person's.
    alike, constant : float
        φ and ρ.
    """

    units: Array
    error: Array
    between: Array
    own: Array
    alike: float
    constant: float


def mirror_halves(scheme: Scheme) -> tuple[Array, Numbers]:
    """Return an orthogonal basis of motions that keep a face symmetric or make it the opposite, and their groups.

    Returns
    -------
    basis : array of shape (2K, 2K)
        A column for each pair of mirrored coordinates moving alike, one for moving against each other, and one for each
        coordinate of the midline.
    groups : array of shape (2K,)
        Numbers the part of the face (both sides together), the axis and the kind of each column.

    Examples
    --------
    >>> from dfecs_lib.keypoints import IBUG68
    >>> basis, groups = mirror_halves(IBUG68)
    >>> bool(np.allclose(basis.T @ basis, np.eye(136))), int(groups.max()) + 1
    (True, 20)
    """
    n = scheme.n_points
    mirror, part = np.asarray(scheme.mirror), np.zeros(n, dtype=np.intp)
    for number, points in enumerate(scheme.parts.values()):
        part[points] = number
    part = np.minimum(part, part[mirror])
    basis = np.zeros((2 * n, 2 * n))
    keys: list[tuple[int, int, bool]] = []
    for axis, sign in ((0, -1.0), (1, 1.0)):
        for k in range(n):
            other = int(mirror[k])
            for symmetric in (True, False):
                if (other == k and symmetric == (sign < 0)) or other < k:
                    continue  # on the midline x has no symmetric motion, y no other; a pair is counted once
                column = len(keys)
                basis[axis * n + k, column] = 1.0
                if other > k:
                    basis[axis * n + other, column] = sign if symmetric else -sign
                keys.append((int(part[k]), axis, symmetric))
    return basis / np.linalg.norm(basis, axis=0), pd.factorize(pd.MultiIndex.from_tuples(keys))[0]


@dataclass(frozen=True, eq=False)
class Frames:
    """Rows in order of time: which person and recording they are of, and whether the row before is their neighbour."""

    person: Numbers
    recording: Numbers
    first: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: pd.MultiIndex) -> Frames:
        """Read them off the index of a keypoint table, in order of time; numbers follow sorted names."""
        table = rows.to_frame(index=False)
        person, recording = (
            pd.factorize(pd.MultiIndex.from_frame(table[list(INDEX_NAMES[:n])]), sort=True)[0] for n in (2, 3)
        )
        gap, new = np.diff(table["frame"].to_numpy()), np.diff(recording) != 0
        step = int(gap[~new].min()) if (~new).any() else 1
        return cls(person, recording, np.concatenate([[True], new | (gap != step)]))

    def likeliest(self, rest: Array) -> tuple[float, float]:
        """Return φ and ρ under which these residuals (n, p) are likeliest; each coordinate has its own variance."""
        last = np.append(self.first[1:], True)
        ends = rest[self.first] + rest[last]
        square, outer = (rest**2).sum(axis=0), (rest[self.first] ** 2 + rest[last] ** 2).sum(axis=0)
        step = (rest[1:] * rest[:-1])[~self.first[1:]].sum(axis=0)
        n, runs = np.bincount(self.recording), np.bincount(self.recording[self.first])
        total, rim = np.zeros((2, len(n), rest.shape[1]))
        np.add.at(total, self.recording, rest)
        np.add.at(rim, self.recording[self.first], ends)
        found = []
        for phi in _ALIKE:
            # With W the inverse of the correlations of neighbours: e'We, 1'We and 1'W1, run by run.
            whole = (square * (1 + phi**2) - phi**2 * outer - 2 * phi * step) / (1 - phi**2)
            mean = (total * (1 - phi) + phi * rim) / (1 + phi)
            ones = (n * (1 - phi) + 2 * phi * runs) / (1 + phi)
            spread = (n - runs).sum() * np.log(1 - phi**2)
            for rho in _CONSTANT:
                left = whole - ((rho / (1 + rho * ones))[:, None] * mean**2).sum(axis=0)
                size = np.log(np.maximum(left, 1e-12 * left.max())).mean()
                found.append((-0.5 * (len(rest) * size + spread + np.log1p(rho * ones).sum()), -phi, -rho))
        _, phi, rho = max(found)
        return -phi, -rho

    def independent(self, rows: Array, phi: float, rho: float) -> Array:
        """Return rows (n, p) turned so that errors of such correlations become independent, of the same variance."""

        def without_neighbours(values: Array) -> Array:
            before = np.concatenate([values[:1], values[:-1]])
            out = (values - phi * before) / np.sqrt(1 - phi**2)
            return np.where(self.first[:, None], values, out)

        turned, one = without_neighbours(rows), without_neighbours(np.ones((len(rows), 1)))
        ones = np.bincount(self.recording, one[:, 0] ** 2)
        mean = np.zeros((len(ones), rows.shape[1]))
        np.add.at(mean, self.recording, one * turned)
        share = (1 - 1 / np.sqrt(1 + rho * ones)) / ones
        return np.asarray(turned - one * (share[:, None] * mean)[self.recording])


def mixed_effects(
    intensity: Array, motion: Array, rows: pd.MultiIndex, shown: NDArray[np.bool_], scheme: Scheme, n_iter: int
) -> MixedEffects:
    """Fit the model of this module.

    Parameters
    ----------
    intensity, motion : arrays of shape (n, a) and (n, p)
        Without gaps.
    rows : MultiIndex
        Of a keypoint table, in order of time; people are numbered in sorted order.
    shown : array of shape (S, a)
        Whether a person counts for an action unit.
    scheme : Scheme
        Of the motion.
    n_iter : int
        Rounds of expectation maximization.
    """
    frames = Frames.of(rows)
    basis, groups = mirror_halves(scheme)
    turned = motion @ basis
    phi = rho = 0.0
    left, right = intensity, turned
    for _ in range(_SOUGHT):
        units, own, *_ = _maximized(left, right, frames.person, shown, groups, _FIRST)
        rest = turned - np.einsum("na,naj->nj", intensity, (units + own)[frames.person])
        phi, rho = frames.likeliest(rest)
        left, right = (frames.independent(values, phi, rho) for values in (intensity, turned))
    units, own, error, spread = _maximized(left, right, frames.person, shown, groups, n_iter)
    ours, mix = own @ basis.T, basis.T**2
    counted = shown[:, :, None] / np.maximum(shown.sum(axis=0), 1)[:, None]
    between = ((ours**2 + spread @ mix) * counted).sum(axis=0)
    everybody = units @ basis.T
    return MixedEffects(everybody, np.sqrt(error @ mix), np.sqrt(between), everybody + ours, phi, rho)


def _maximized(
    intensity: Array, motion: Array, person: Numbers, shown: NDArray[np.bool_], groups: Numbers, n_iter: int
) -> tuple[Array, Array, Array, Array]:
    """Return d (a, p) and b (S, a, p), and the variances of their errors; errors of rows are independent."""
    parts = [(intensity[person == s], motion[person == s]) for s in range(len(shown))]
    normal = np.stack([i.T @ i for i, _ in parts])  # (S, a, a)
    right = np.stack([i.T @ K for i, K in parts])  # (S, a, p)
    n_units, p = right.shape[1:]
    n_frames = len(motion)
    member = np.eye(groups.max() + 1)[groups]
    member_mean = member / member.sum(axis=0)

    def tied(variance: Array) -> Array:
        """Variances (p, a) averaged over each group."""
        return np.asarray(np.maximum(member @ (member_mean.T @ variance), 1e-12))

    whole = normal.sum(axis=0)
    units = np.linalg.solve(whole + 1e-3 * np.trace(whole) / n_units * np.eye(n_units), right.sum(axis=0))
    noise = ((motion - intensity @ units) ** 2).mean(axis=0)  # (p,)
    noise = np.maximum(noise, 1e-6 * max(float(noise.max()), 1e-300))
    least = 1e-4 * noise  # few frames can be fitted without rest
    common = np.repeat(np.maximum((units**2).mean(axis=1), 1e-12)[None], p, axis=0)  # (p, a)
    between = common / 10
    for _ in range(n_iter):
        share = normal[:, None] / noise[:, None, None]  # (S, p, a, a)
        pull = right.transpose(0, 2, 1)[..., None] / noise[:, None, None]  # (S, p, a, 1)
        spread, kept = _shrunk(share, between)
        covariance, _ = _shrunk((share @ kept).sum(axis=0), common)
        fixed = covariance @ (kept.swapaxes(-1, -2) @ pull).sum(axis=0)  # (p, a, 1)
        own = (spread @ (pull - share @ fixed))[..., 0]  # (S, p, a)
        error, unsure = (np.diagonal(m, axis1=-2, axis2=-1) for m in (covariance, spread))
        units = fixed[..., 0].T
        common = tied(units.T**2 + error)
        counted = shown[:, None] / np.maximum(shown.sum(axis=0), 1)
        between = tied(((own**2 + unsure) * counted).sum(axis=0))
        rest = sum(((K - i @ (units + b.T)) ** 2).sum(axis=0) for (i, K), b in zip(parts, own, strict=True))
        noise = np.maximum(np.asarray(rest) / n_frames, least)
    return units, own.transpose(0, 2, 1), np.maximum(error.T, 0), np.maximum(unsure, 0).transpose(0, 2, 1)


def _shrunk(precision: Array, variance: Array) -> tuple[Array, Array]:
    """Return (P + V⁻¹)⁻¹ and 1 − (P + V⁻¹)⁻¹P for precisions P (…, p, a, a) and V = diag of variances (p, a).

    By I + V½PV½, which no variance however small, and no two labels however alike, make singular.
    """
    root = np.sqrt(variance)
    scaled = root[:, :, None] * precision * root[:, None, :]
    inverse = np.linalg.inv(np.eye(variance.shape[1]) + scaled)
    return root[:, :, None] * inverse * root[:, None, :], root[:, :, None] * inverse / root[:, None, :]
