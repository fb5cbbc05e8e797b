"""The one exception that means "your input needs mending", so that every caller can tell it from a bug."""

from __future__ import annotations

__all__ = ["AbsentDataError", "DfecsError"]


class DfecsError(ValueError):
    """Bad input: one sentence that says what is wrong, where, and how to mend it.

    The command line prints the sentence and exits with code 2; a traceback is never shown for it.
    """


class AbsentDataError(DfecsError):
    """Data that are not on this machine; the sentence says how to get them. What needs them is shown as not run."""
