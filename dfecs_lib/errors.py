"""The one exception that means "your input needs mending", so that every caller can tell it from a bug."""

from __future__ import annotations

__all__ = ["AbsentDataError", "DfecsError", "DfecsTypeError"]


class DfecsError(ValueError):
    r"""Bad input: one sentence that says what is wrong, where, and how to mend it.

    The command line prints the sentence and exits with code 2; a traceback is never shown for it.

    Examples
    --------
    A sentence stays one line, and names in it cannot steer a terminal:

    >>> str(DfecsError("no file 'a\nb\x1b[2J'"))
    "no file 'a b\\x1b[2J'"
    """

    def __str__(self) -> str:
        line = " ".join(super().__str__().splitlines())
        return "".join(f"\\x{ord(c):02x}" if c < " " or "\x7f" <= c <= "\x9f" else c for c in line)


class AbsentDataError(DfecsError):
    """Data that are not on this machine; the sentence says how to get them. What needs them is shown as not run."""


class DfecsTypeError(DfecsError, TypeError):
    """Bad input of a type that arrays cannot be made of, where scikit-learn's rules ask for a TypeError."""
