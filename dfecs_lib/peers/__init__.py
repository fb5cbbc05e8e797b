"""Further sets of units to compare with: PCA at level 2 or at both levels, sparse PCA, ICA, NMF and semi-NMF.

All share the estimator interface of the full face model. Plain PCA and FACS units are in `baselines`.
"""

from __future__ import annotations

from dfecs_lib.peers.factorizations import PeerUnits
from dfecs_lib.peers.two_level import TwoLevelPCAUnits

__all__ = ["PeerUnits", "TwoLevelPCAUnits"]
