"""What a face can do in one movement: FACS action units of the mean head, alone and in the company they keep.

Their look comes from the muscles of `dfecs_lib.simulate`: on simulated faces, which the same muscles move, a likeness
to these actions is no evidence. Nothing here was fitted to real tracks, so that on real faces it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.interpretability.units import as_motion
from dfecs_lib.keypoints import get_scheme
from dfecs_lib.preprocessing import register_exemplars
from dfecs_lib.simulate import Face, exemplar_table
from dfecs_lib.simulate.exemplars import COMBINATIONS
from dfecs_lib.simulate.muscles import LINEAR, MUSCLES

__all__ = ["Actions", "facs_actions", "facs_motion"]

_Floats = NDArray[np.float64]
#: A further action unit is named where it adds at least this share of the motion's energy.
_GAIN = 0.05
_CHUNK = 2000
#: Action units whose strands the manual lets act apart: the brows go down as wholes, or at their inner ends alone.
_STRANDS = {"AU04": (("corrugator", "procerus"), ("depressor supercilii",))}


def facs_motion(
    face: Face | None = None, *, one_sided: bool = True, combinations: bool = False, scheme: str = "ibug68"
) -> dict[str, _Floats]:
    """Return the motion of each FACS exemplar, (K, 2) in registered px: "AU12", "AU12R", "AU01+AU02".

    Parameters
    ----------
    face : Face, optional
        Whose face; the mean head's by default.
    one_sided, combinations : bool
        See `dfecs_lib.simulate.exemplar_table`.
    scheme : str
        Of the points. A mesh also shows the action units of `dfecs_lib.simulate.FURTHER`.

    Examples
    --------
    >>> bool(facs_motion()["AU12"][48, 1] < 0)  # the lip corner goes up
    True
    """
    dense = get_scheme(scheme).dense
    table = exemplar_table(combinations=combinations, face=face, one_sided=one_sided, scheme=scheme, further=dense)
    faces = register_exemplars(table, frontalize=False)  # seen from the front as they are
    points = faces.to_numpy().reshape(len(faces), 2, -1).transpose(0, 2, 1)
    names = list(faces.index.get_level_values("recording"))
    rest = points[names.index("neutral")]
    return {name: face - rest for name, face in zip(names, points, strict=True) if name != "neutral"}


@dataclass(frozen=True)
class Actions:
    r"""Single actions, and which of them make one movement together.

    A movement is a sum :math:`\sum_a w_a F_a`, :math:`w \ge 0`, of the actions of one company: of one action unit,
    right and left as strong as may be, or of two or three that FACS lists as a combination. A motion's **likeness** is

    .. math:: L(m) = \max_{\text{companies}}\; \max_{w \ge 0}\;
        1 - \lVert m - \textstyle\sum_a w_a F_a \rVert^2 / \lVert m \rVert^2

    the share of its energy that the best such movement explains; its root is the cosine with that movement.

    Parameters
    ----------
    names : tuple of str
        "AU12R", "AU26"; a name may stand more than once, for strands that can act apart.
    fields : array of shape (n, K, 2)
        Motion of each action.
    companies : tuple of tuple of int
        Action units that make one movement.
    """

    names: tuple[str, ...]
    fields: _Floats = field(repr=False)
    companies: tuple[tuple[int, ...], ...] = field(repr=False)

    @cached_property
    def _subsets(self) -> tuple[tuple[int, ...], ...]:
        units = np.array([int(name[2:4]) for name in self.names])
        found: dict[tuple[int, ...], None] = {}
        for company in self.companies:
            members = [int(i) for i in np.flatnonzero(np.isin(units, company))]
            for size in range(1, len(members) + 1):
                found.update(dict.fromkeys(itertools.combinations(members, size)))
        return tuple(found)

    @cached_property
    def _by_size(self) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Positions among the subsets, and the actions (s, k), of those with 1, 2, … actions."""
        sizes = np.array([len(subset) for subset in self._subsets])
        groups = [np.flatnonzero(sizes == k) for k in np.unique(sizes)]
        return [(where, np.array([self._subsets[int(i)] for i in where])) for where in groups]

    @cached_property
    def _by_units(self) -> list[tuple[int, NDArray[np.intp]]]:
        """Numbers of action units, and positions among the subsets of those that have so many."""
        count = np.array([len({self.names[i][:4] for i in subset}) for subset in self._subsets])
        return [(int(k), np.flatnonzero(count == k)) for k in np.unique(count)]

    def fit(self, motion: ArrayLike, present: NDArray[np.bool_] | None = None) -> tuple[_Floats, list[str]]:
        """Return the likeness of each motion, shape (n,), 0 to 1, and the movement that it is likest to.

        Parameters
        ----------
        motion : array of shape (n, K, 2)
        present : array of bool, shape (K,), optional
            Points that there are; by default all.

        Examples
        --------
        >>> actions = facs_actions()
        >>> likeness, name = actions.fit(facs_motion()["AU26"])
        >>> round(float(likeness[0]), 3), name
        (1.0, ['AU26'])
        """
        likeness, names = [np.empty(0)], []
        for share, still in self._explained(motion, present):
            likeness.append(np.where(still, np.nan, share.max(axis=1)))
            plainest = [self._name(self._subsets[int(i)]) for i in self._plainest(share)]
            names += ["none" if s else n for s, n in zip(still, plainest, strict=True)]
        return np.concatenate(likeness), names

    def likeness(self, motion: ArrayLike, present: NDArray[np.bool_] | None = None) -> _Floats:
        """Return the likeness alone, as `fit` does.

        Examples
        --------
        >>> float(facs_actions().likeness(facs_motion()["AU26"])[0].round(3))
        1.0
        """
        found = [np.where(still, np.nan, share.max(axis=1)) for share, still in self._explained(motion, present)]
        return np.concatenate([np.empty(0), *found])

    def _explained(
        self, motion: ArrayLike, present: NDArray[np.bool_] | None
    ) -> Iterator[tuple[_Floats, NDArray[np.bool_]]]:
        """Yield what each subset explains of a chunk of motions (-1: not seen), and of which nothing is to be seen."""
        m = as_motion(motion, self.fields.shape[1])
        shown = np.ones(self.fields.shape[1], dtype=bool) if present is None else np.asarray(present, dtype=bool)
        rows, columns = m[:, shown].reshape(len(m), -1), self.fields[:, shown].reshape(len(self.fields), -1)
        length = np.linalg.norm(columns, axis=1)
        visible = length > 0.25 * np.linalg.norm(self.fields.reshape(len(self.fields), -1), axis=1)
        columns = columns / np.where(visible, length, 1.0)[:, None]
        size = np.linalg.norm(rows, axis=1, keepdims=True)
        rows = np.divide(rows, size, out=np.zeros_like(rows), where=size > 0)
        possible = np.ones(len(self._subsets), dtype=np.bool_)
        for where, chosen in self._by_size:
            possible[where] = visible[chosen].all(axis=1)
        onto, gram = rows @ columns.T, columns @ columns.T
        for start in range(0, len(m), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            nothing = (size[chunk, 0] == 0) | (not possible.any())  # no motion, or no point that shows any action
            yield np.where(possible, self._shares(onto[chunk], gram), -1.0), nothing

    def _shares(self, onto: _Floats, gram: _Floats) -> _Floats:
        # A non-negative least-squares fit is the best of the plain fits on subsets whose weights happen to be >= 0.
        share = np.zeros((len(onto), len(self._subsets)))
        for where, chosen in self._by_size:
            inner = gram[chosen[:, :, None], chosen[:, None, :]] + 1e-9 * np.eye(chosen.shape[1])
            projected = onto[:, chosen]
            weights = np.einsum("skl,nsl->nsk", np.linalg.inv(inner), projected)
            fits = (weights * projected).sum(axis=2)
            share[:, where] = np.where((weights >= 0).all(axis=2), np.clip(fits, 0.0, 1.0), 0.0)
        return share

    def _plainest(self, share: _Floats) -> NDArray[np.intp]:
        best, so_far = np.zeros(len(share), dtype=np.intp), np.full(len(share), -1.0)
        for k, where in self._by_units:
            candidate = where[share[:, where].argmax(axis=1)]
            value = share[np.arange(len(share)), candidate]
            better = value >= so_far + (_GAIN if k > 1 else 0.0)
            best, so_far = np.where(better, candidate, best), np.where(better, value, so_far)
        return best

    def _name(self, subset: tuple[int, ...]) -> str:
        sides: dict[str, set[str]] = {}
        for i in subset:
            sides.setdefault(self.names[i][:4], set()).add(self.names[i][4:])
        return "+".join(unit + (min(side) if len(side) == 1 else "") for unit, side in sides.items())


def _without(muscles: set[str], scheme: str) -> dict[str, _Floats]:
    """Motion of the mean head's exemplars with these muscles at rest."""
    resting = {name: replace(muscle, pull=0.0) for name, muscle in LINEAR.items() if name in muscles}
    return facs_motion(Face(load_head().mean, muscles={**MUSCLES, **resting}), scheme=scheme)


@lru_cache(maxsize=6)
def facs_actions(combinations: bool = True, scheme: str = "ibug68") -> Actions:
    """Return the actions of the mean head, alone and, if wanted, in the combinations that FACS lists (up to three).

    Parameters
    ----------
    combinations : bool
    scheme : str
        Of the points: iBUG-68, or one that has all of these and more.

    Examples
    --------
    >>> facs_actions().names[:2], (6, 12) in facs_actions().companies
    (('AU01R', 'AU01L'), True)
    """
    motion = facs_motion(scheme=scheme)
    halves = {name[:4] for name in motion if len(name) == 5}
    names: list[str] = []
    fields: list[_Floats] = []
    for name in (name for name in motion if len(name) == 4):
        sides = [f"{name}R", f"{name}L"] if name in halves else [name]
        strands = _STRANDS.get(name, ())
        muscles = {muscle for strand in strands for muscle in strand}
        for apart in [_without(muscles - set(strand), scheme) for strand in strands] or [motion]:
            names += sides
            fields += [apart[side] for side in sides]
    stacked = np.stack(fields)
    stacked.setflags(write=False)
    singles = tuple((int(name[2:]),) for name in motion if len(name) == 4)
    return Actions(tuple(names), stacked, singles + (COMBINATIONS if combinations else ()))
