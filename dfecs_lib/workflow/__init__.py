"""The verbs: `train` units on a user's faces, `encode` other faces with them, `evaluate` how well they explain them.

Each walks `dfecs_lib.load` → `dfecs_lib.prepare` → model once; the command line calls these.
"""

from __future__ import annotations

from dfecs_lib.workflow.encode import encode
from dfecs_lib.workflow.evaluate import evaluate
from dfecs_lib.workflow.faces_for import prepare_for
from dfecs_lib.workflow.probe import evaluate_probe, train_probe
from dfecs_lib.workflow.train import train

__all__ = ["encode", "evaluate", "evaluate_probe", "prepare_for", "train", "train_probe"]
