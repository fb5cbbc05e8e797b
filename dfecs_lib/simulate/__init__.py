"""Simulated faces with known truth: a 3-D head, muscles, courses of action units, a camera and a tracker's errors."""

from __future__ import annotations

from dfecs_lib.simulate.action_units import ACTION_UNITS, FURTHER, Face, channel_of
from dfecs_lib.simulate.calibration import COUNTERPARTS, REAL_RANGES, motion_figures
from dfecs_lib.simulate.dataset import SimulatedDataset, Truth, simulate
from dfecs_lib.simulate.designs import DESIGNS, SIZES
from dfecs_lib.simulate.exemplars import exemplar_table, write_exemplars

__all__ = [
    "ACTION_UNITS",
    "COUNTERPARTS",
    "DESIGNS",
    "FURTHER",
    "REAL_RANGES",
    "SIZES",
    "Face",
    "SimulatedDataset",
    "Truth",
    "channel_of",
    "exemplar_table",
    "motion_figures",
    "simulate",
    "write_exemplars",
]
