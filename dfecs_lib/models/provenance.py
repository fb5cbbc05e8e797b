"""How the motion that a model is given was made: refused where it is no motion, else kept with the model."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import SCHEMES
from dfecs_lib.preprocessing import settings_from_history

__all__ = ["provenance", "refuse_faces", "warn_of_faces"]

# Operations after which a table holds motion.
_MOTION = frozenset({"motion_vectors", "prepare", "decode"})
# Operations that say nothing of what a table holds.
_OF_ANY_TABLE = frozenset({"convert", "stack", "scale", "rename_recordings", "unknown"})
# Real motion has a root mean square of 10-17 px, registered faces lie around (700, 1000).
_SIZE_OF_A_FACE = 100.0
# So many rows, spread over all, tell faces from motion.
_ROWS = 1024
_WHAT_TO_DO = (
    "make motion of it with dfecs_lib.prepare(table), or put dfecs_lib.preprocessing.KeypointMotion() before the model "
    "in a pipeline"
)


def refuse_faces(X: object) -> None:
    """Refuse a table whose history shows that the neutral face was never taken off; other data are the caller's word.

    Raises
    ------
    DfecsError
        With what to call instead.
    """
    history = X.attrs.get("history", []) if isinstance(X, pd.DataFrame) else []
    done = {entry.get("operation") for entry in history} - _OF_ANY_TABLE
    if done and not done & _MOTION:
        raise DfecsError(
            "this table holds faces, not motion (no step of its history takes the neutral face off); " + _WHAT_TO_DO
        )


def warn_of_faces(values: NDArray[np.floating]) -> None:
    """Warn where numbers are those of faces rather than of motion: far from zero on average, and as large as a face."""
    if values.shape[1] not in {2 * scheme.n_points for scheme in SCHEMES.values()}:
        return
    some = values[:: max(1, len(values) // _ROWS)]
    seen = some[np.isfinite(some)]
    if seen.size and abs(seen.mean()) > _SIZE_OF_A_FACE / 2 and np.sqrt(np.mean(seen**2)) > _SIZE_OF_A_FACE:
        mean = f"mean {seen.mean():.0f} px, where motion is near 0"
        warnings.warn(f"these numbers look like faces, not like motion ({mean}); {_WHAT_TO_DO}", stacklevel=5)


def provenance(X: object) -> dict[str, object]:
    """Return what a model keeps of how its training motion was made: preprocessing, neutral rule, size.

    Empty for arrays, and for tables that do not say; a model without it cannot prepare faces by itself.
    """
    if not isinstance(X, pd.DataFrame) or X.index.nlevels != 4:
        return {}
    history = X.attrs.get("history", [])
    settings = settings_from_history(history)
    if settings is None:
        return {}
    nothing: dict[str, object] = {}
    last = next((entry for entry in reversed(history) if entry.get("operation") == "prepare"), nothing)
    return {
        "preprocessing": settings,
        "neutral": last.get("neutral"),
        "training": {
            "recordings": int(X.groupby(level=list(range(3))).ngroups),
            "frames": int(X.notna().all(axis=1).sum()),
            "scheme": X.attrs.get("scheme"),
        },
    }
