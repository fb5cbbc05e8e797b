"""scikit-learn's refusals of arrays, which print whole arrays and several sentences, as one sentence each."""

from __future__ import annotations

import re

from dfecs_lib.errors import DfecsError, DfecsTypeError

__all__ = ["in_plain_words"]

# scikit-learn's own tests of estimators look for its words, so that they stand at the beginning.
_WORDS: tuple[tuple[str, str], ...] = (
    (
        r"Expected 2D array, got (1D|scalar) array",
        "Expected 2D array, got {0} array: a row a frame, a column a coordinate. Reshape your data, one frame by "
        "X.reshape(1, -1)",
    ),
    (r"Found array with dim (\d+)", "Found array with dim {0}, while dim <= 2: a row a frame, a column a coordinate"),
    (r"Complex data not supported", "Complex data not supported, motion is real numbers of pixels"),
    (r"setting an array element with a sequence", "its rows are of different lengths"),
    (r"could not convert string to float: (.{1,40})", "could not convert string to float: {0}"),
    (
        r"Input (?:\w+) contains infinity",
        "it contains infinity, or a value too large for its type",
    ),
    (r"sample_weight\.shape == (\(.*?\)), expected \((\d+),\)", "its shape is {0}, and there are {1} rows"),
    (r"Sample weights must be 1D", "Sample weights must be 1D array or scalar, one a row"),
    (r"argument must be a string or a real number, not '(\w+)'", "argument must be a string or a real number, not {0}"),
    (r"Sparse data was passed", "Sparse data was passed, but dense data is required: X.toarray()"),
)
_LONGEST = 200


def in_plain_words(error: Exception, what: str) -> DfecsError:
    """Return a refusal by scikit-learn or NumPy as one sentence about `what` was given; a TypeError stays one."""
    text = " ".join(str(error).split())
    for pattern, words in _WORDS:
        if match := re.search(pattern, text):
            text = words.format(*match.groups())
            break
    kind = DfecsTypeError if isinstance(error, TypeError) else DfecsError
    return kind(f"{what} cannot be used: {text[:_LONGEST].rstrip('. ')}")
