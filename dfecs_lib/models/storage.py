"""Model files: one ``.npz`` with arrays and a JSON text that describes them. Reading executes nothing.

A file is not trusted: how much it would unpack to is looked at before anything is unpacked, and every array's shape
before it is made.
"""

from __future__ import annotations

import io
import json
import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import exists, whole_file

__all__ = ["FORMAT", "damaged", "read_model_file", "write_model_file"]

FORMAT = "dfecs-model-1"
_HEADER = "header_json"
# A model of 1,000 units of 478 points takes 8 MB.
_LARGEST, _LARGEST_HEADER = 256 << 20, 32 << 20
_MEND = "train it again or get another copy"
_BROKEN = (
    *(OSError, ValueError, KeyError, EOFError, TypeError, SyntaxError, MemoryError, RuntimeError, OverflowError),
    *(zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError),
)


def damaged(path: Path, why: str) -> DfecsError:
    """Return the error that says a model file is damaged, and why."""
    return DfecsError(f"{path}: the model file is damaged ({why}); {_MEND}")


def write_model_file(
    path: Path, header: Mapping[str, object], arrays: Mapping[str, NDArray[np.float64]], library: str
) -> None:
    """Write arrays and their description; the file appears whole or not at all."""
    try:
        text = json.dumps({"format": FORMAT, "library": library, **header})
    except TypeError as error:
        raise DfecsError(f"the model's metadata must be JSON values: {error}") from error
    if path.is_dir():
        raise DfecsError(f"{path}: is a folder; name a file for the model, such as units.npz")
    if 4 * len(text) > _LARGEST_HEADER or sum(a.nbytes for a in arrays.values()) > _LARGEST - _LARGEST_HEADER:
        raise DfecsError(f"{path}: the model is larger than a model file may be ({_LARGEST >> 20} MiB)")
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays, **{_HEADER: np.array(text)})


def read_model_file(path: Path) -> tuple[dict[str, object], dict[str, NDArray[np.float64]]]:
    """Return description and arrays of a model file; DfecsError says why a file is not one."""
    if not exists(path):
        raise DfecsError(f"{path}: no such file; train a model first (dfecs train TABLE -o {path.name})")
    if path.is_dir():
        raise DfecsError(f"{path}: is a folder, not a model file")
    if not path.is_file() or path.stat().st_size > _LARGEST:
        raise DfecsError(f"{path}: is no file, or larger than any model file ({_LARGEST >> 20} MiB)")
    try:
        with warnings.catch_warnings(), zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            warnings.simplefilter("ignore")  # NumPy's, of old names of types in a damaged header
            header, arrays = _unpack(archive, path)
    except DfecsError:
        raise
    except _BROKEN as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DfecsError(f"{path}: not a readable model file ({reason}); {_MEND}") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise DfecsError(f"{path}: not a {FORMAT} file; it was written by another program or another version")
    return header, arrays


def _unpack(archive: zipfile.ZipFile, path: Path) -> tuple[object, dict[str, NDArray[np.float64]]]:
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    if _HEADER not in members:
        raise DfecsError(f"{path}: not a model file written by dfecs_lib (no header inside)")
    size = sum(info.file_size for info in members.values())
    if size > _LARGEST or members[_HEADER].file_size > _LARGEST_HEADER:
        raise ValueError(f"it would unpack to {size / 2**20:,.0f} MiB, more than any model needs")
    header = json.loads(str(_array(archive, members.pop(_HEADER), "U")))
    return header, {name: _array(archive, info, "f").astype(np.float64) for name, info in members.items()}


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, kind: str) -> NDArray[np.float64]:
    """One member, whose header must promise exactly as many bytes as it holds."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{info.filename} is compressed in a way that no model file is")
    with archive.open(info) as member:
        if np.lib.format.read_magic(member) != (1, 0):
            raise ValueError(f"{info.filename} is an array of another version")
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(member)
        if dtype.hasobject or dtype.kind != kind or (kind == "f" and dtype.itemsize not in (4, 8)):
            raise ValueError(f"{info.filename} holds {dtype} where {'numbers' if kind == 'f' else 'a text'} belong")
        size = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or size != info.file_size - member.tell():
            raise ValueError(f"{info.filename} says that it has shape {shape}, which its size is not of")
        content = member.read()
    return np.frombuffer(content, dtype=dtype).reshape(shape, order="F" if by_columns else "C")
