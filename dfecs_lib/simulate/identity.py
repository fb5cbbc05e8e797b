"""Identity modes: how neutral faces differ, with spreads from published anthropometry.

Spreads are standard deviations in millimetres over adults of both sexes, rounded, within the range of

- Maxillofacial Plastic and Reconstructive Surgery 41 (2019), doi:10.1186/s40902-019-0191-7, table 9 (nose height and
  width, mouth width, bizygomatic and bigonial width, nasion to menton, lip heights, biocular width);
- BioMed Research International (2013), 821428, table 2 (eye fissure length and height, intercanthal width).

Those tables give each sex and each population apart; a mixed group spreads more, hence the upper ends. Modes marked
"assumed" have no measured spread: brow position, depth, asymmetries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SPREADS", "identity_modes"]

_JAW, _BROWS, _NOSE, _EYES, _LIPS = range(0, 17), range(17, 27), range(27, 36), range(36, 48), range(48, 68)


@dataclass(frozen=True)
class _Spread:
    sd: float
    source: str


#: Standard deviation in millimetres of what each mode changes.
SPREADS: dict[str, _Spread] = {
    "face length": _Spread(6.5, "nasion to menton"),
    "face width": _Spread(6.0, "bizygomatic width"),
    "jaw width": _Spread(6.5, "bigonial width"),
    "chin width": _Spread(5.0, "assumed"),
    "nose length": _Spread(3.1, "nasal height"),
    "nose width": _Spread(3.7, "nasal width"),
    "nose depth": _Spread(2.5, "assumed"),
    "eye distance": _Spread(2.8, "intercanthal width"),
    "eye width": _Spread(1.7, "eye fissure length"),
    "eye height": _Spread(1.2, "eye fissure height"),
    "eye slant": _Spread(1.0, "assumed: height of the outer corner"),
    "mouth width": _Spread(3.8, "mouth width"),
    "mouth height": _Spread(2.2, "philtrum and upper lip height"),
    "upper lip": _Spread(1.3, "upper vermilion height"),
    "lower lip": _Spread(1.2, "lower vermilion height"),
    "brow height": _Spread(2.5, "assumed"),
    "brow arch": _Spread(1.3, "assumed"),
    "brow slant": _Spread(1.8, "assumed: inner against outer end"),
    "brow distance": _Spread(2.0, "assumed"),
    "face depth": _Spread(4.0, "assumed: depth of the jaw line"),
    "profile": _Spread(3.5, "assumed: chin forward or back"),
    "mouth corners": _Spread(1.2, "assumed: resting height"),
    "jaw asymmetry": _Spread(1.5, "assumed"),
    "nose asymmetry": _Spread(1.0, "assumed"),
    "mouth asymmetry": _Spread(1.0, "assumed: tilt of the mouth"),
    "brow asymmetry": _Spread(1.2, "assumed"),
    "eye asymmetry": _Spread(0.7, "assumed"),
}


def _mask(*groups: range) -> NDArray[np.float64]:
    mask = np.zeros(68)
    for group in groups:
        mask[group.start : group.stop] = 1.0
    return mask


def _bump(values: NDArray[np.float64], centre: float, width: float) -> NDArray[np.float64]:
    bump: NDArray[np.float64] = np.exp(-0.5 * ((values - centre) / width) ** 2)
    return bump


def identity_modes(mean: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return each mode's displacement of the mean face, (68, 3) in millimetres for one standard deviation.

    A mode is a smooth field chosen so that the distance after which it is named changes by ``SPREADS[name].sd``.

    Parameters
    ----------
    mean : ndarray of shape (68, 3)
        The mean head; axes as in `dfecs_lib.anatomy.head`.
    """
    x, y, _ = mean.T
    side = np.sign(np.round(x, 6))
    nasion, chin, subnasale = y[27], y[8], y[33]
    lower = np.clip((y - nasion) / (chin - nasion), 0, None)
    jaw, brows, nose, eyes, lips = (_mask(g) for g in (_JAW, _BROWS, _NOSE, _EYES, _LIPS))
    below = np.clip((y - subnasale) / (chin - subnasale), 0, 1)
    right_eye, left_eye = _mask(range(36, 42)), _mask(range(42, 48))
    eye_x = x - right_eye * x[36:42].mean() - left_eye * x[42:48].mean()
    eye_y = y - right_eye * y[36:42].mean() - left_eye * y[42:48].mean()
    half_eye, lid = 0.5 * (x[39] - x[36]), 0.25 * (y[40] + y[41] - y[37] - y[38])
    brow_x = np.abs(x) * brows
    brow_t = np.clip((brow_x - brow_x[21]) / (brow_x[17] - brow_x[21]), 0, 1) * brows
    upper = _mask(range(49, 54))
    lower_lip = _mask(range(55, 60))
    mouth = lips + jaw * below
    fields: dict[str, dict[str, NDArray[np.float64]]] = {
        "face length": {"y": lower - 0.12 * brows * (y - nasion) / (y[19] - nasion)},
        "face width": {"x": 0.5 * x / x[16] * (jaw * (0.55 + 0.45 * (1 - below)) + 0.35 * (1 - jaw))},
        "jaw width": {"x": 0.5 * side * jaw * _bump(y, y[4], 26.0)},
        "chin width": {"x": 0.5 * side * jaw * _bump(y, y[7], 14.0), "y": -0.25 * _bump(np.abs(x), 32.0, 14.0) * jaw},
        "nose length": {"y": nose * np.clip(lower / lower[33], 0, 1) + 0.6 * lips + 0.45 * jaw * below},
        "nose width": {"x": 0.5 * x / x[35] * _mask(range(31, 36))},
        "nose depth": {
            "z": -nose * np.clip((y - nasion) / (y[30] - nasion), 0, 1) * np.where(np.arange(68) > 30, 0.4, 1)
        },
        "eye distance": {"x": 0.5 * side * (eyes + 0.7 * brows)},
        "eye width": {"x": eyes * eye_x / (2 * half_eye), "z": eyes * np.abs(eye_x) / (8 * half_eye)},
        "eye height": {"y": eyes * np.where(np.abs(eye_x) > 0.8 * half_eye, 0, eye_y) / (2 * lid)},
        "eye slant": {"y": -eyes * side * eye_x / half_eye},
        "mouth width": {"x": 0.5 * lips * x / x[54], "z": 0.15 * lips * np.abs(x) / x[54]},
        "mouth height": {"y": lips + 0.7 * jaw * below},
        "upper lip": {"y": -upper},
        "lower lip": {"y": lower_lip + 0.5 * jaw * below},
        "brow height": {"y": -brows, "z": 0.15 * brows},
        "brow arch": {"y": -brows * 4 * brow_t * (1 - brow_t)},
        "brow slant": {"y": brows * (0.5 - brow_t)},
        "brow distance": {"x": 0.5 * side * brows * (1 - 0.7 * brow_t)},
        "face depth": {"z": jaw * (1 - below)},
        "profile": {"z": -mouth * (0.3 * lips + jaw * below)},
        "mouth corners": {"y": -lips * (np.abs(x) / x[54]) ** 2},
        "jaw asymmetry": {"x": jaw * below + 0.3 * lips},
        "nose asymmetry": {"x": nose * np.clip(lower / lower[30], 0, 1)},
        "mouth asymmetry": {"y": lips * x / x[54]},
        "brow asymmetry": {"y": 0.5 * side * brows},
        "eye asymmetry": {"y": 0.5 * side * eyes * np.where(np.abs(eye_x) > 0.8 * half_eye, 0.3, 1.0)},
    }
    modes = {}
    for name, field in fields.items():
        zero = np.zeros(68)
        modes[name] = SPREADS[name].sd * np.stack([field.get(axis, zero) for axis in "xyz"], axis=1)
    return modes
