"""Runs: notebooks executed once for every change of what they depend on, and never half.

papermill and the kernel's packages (extra ``book``) are imported when a notebook is executed, not here.
"""

from __future__ import annotations

from dfecs_lib.publishing.runs.keys import fingerprint, run_key
from dfecs_lib.publishing.runs.notebook import Run, RunFailedError, run_notebook
from dfecs_lib.publishing.runs.parameters import declared_parameters, find_notebook, read_notebook, resolve
from dfecs_lib.publishing.runs.profile import Profile, Step, load_profile, profile_names, run_profile
from dfecs_lib.publishing.runs.uses import used_code

__all__ = [
    "Profile",
    "Run",
    "RunFailedError",
    "Step",
    "declared_parameters",
    "find_notebook",
    "fingerprint",
    "load_profile",
    "profile_names",
    "read_notebook",
    "resolve",
    "run_key",
    "run_notebook",
    "run_profile",
    "used_code",
]
