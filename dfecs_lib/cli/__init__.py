"""The command line ``dfecs``. Only click is imported here: what a command needs is imported when it runs."""

from __future__ import annotations

from dfecs_lib.cli.main import main

__all__ = ["main"]
