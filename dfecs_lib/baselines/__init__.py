"""Units to compare with: PCA, keypoint FACS units, PCA at level 2 or at both levels, sparse PCA, ICA, NMF, semi-NMF.

All share the estimator interface of the full face model.
"""

from __future__ import annotations

from dfecs_lib.baselines.facs_many import PooledFACSUnits
from dfecs_lib.baselines.factorizations import PeerUnits
from dfecs_lib.baselines.pca_facs import FACSUnits, PCAUnits
from dfecs_lib.baselines.two_level import TwoLevelPCAUnits

__all__ = ["FACSUnits", "PCAUnits", "PeerUnits", "PooledFACSUnits", "TwoLevelPCAUnits"]
