"""Ways to spoil what is stored: bytes of any file, and values of what is read from YAML and JSON."""

from __future__ import annotations

import copy
import os
import random

#: Cases of each kind in `make test`; `make fuzz` asks for more.
CASES = int(os.environ.get("DFECS_FUZZ", "60"))
TOKENS = [
    *(b'"', b"'", b",", b";", b"\n", b"\r\n", b"\0", b"\t", b"#", b"\xff\xfe", b"\xef\xbb\xbf", b"=", b"{", b"[", b"]"),
    *(b"nan", b"-inf", b"1e300", b"-1e300", b"1e-300", b"9" * 400, b"9223372036854775807", b"wink", b"True", b"-0"),
    *(b"\xc2\xb2", b"1.5.5", b"1,5", b"sep=;\n", b"x_0", b"frame", b"1000001", b"0x10", b"1_000", b"--", b" "),
]


def damage(whole: bytes, rng: random.Random) -> bytes:
    """Change a file in one to four places: bytes, tokens, lines, cells, ends."""
    data = whole
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(8)
        if kind == 0:
            data = data[:at] + rng.choice(TOKENS) + data[at:]
        elif kind == 1:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        elif kind == 2:
            data = data[: max(at, 1)]
        elif kind == 3:
            data = data[:at] + data[min(len(data), at + rng.randint(1, 300)) :]
        elif kind == 4:
            data = data[:at] + data[max(0, at - rng.randint(1, 900)) :]
        else:
            lines = data.split(b"\n")
            k = rng.randrange(len(lines))
            if kind == 5:
                cells = lines[k].split(b",")
                cells[rng.randrange(len(cells))] = rng.choice(TOKENS)
                lines[k] = b",".join(cells)
            elif kind == 6:
                lines.insert(rng.randrange(len(lines)), lines[k])
            else:
                cells = lines[k].split(b",")
                lines[k] = b",".join(rng.sample(cells, len(cells)))
            data = b"\n".join(lines)
    return data or b" "


STRANGE: list[object] = [
    *(None, True, -1, 0, 2**63, 10**400, 1.5, -1e308, float("nan"), float("inf")),
    *("", " ", "..", "/", "a\nb", "9" * 30, "1-99999999999", "\u00b2", "2020-13-45", "{0}", "\ud800"),
    *([], {}, [[]], {"": {}}, [None], {"a": [1, {"b": 2}]}),
]


def spoil(whole: object, rng: random.Random) -> object:
    """Change one to three values anywhere inside: others in their place, left out, twice, or under another name."""
    spoilt = copy.deepcopy(whole)
    for _ in range(rng.randint(1, 3)):
        holders = [one for one in _inside(spoilt) if one]
        if not holders:
            return rng.choice(STRANGE)
        holder = rng.choice(holders)
        key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        kind = rng.randrange(6)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[rng.choice(["x", "", "9", "title"])] = holder.pop(key)
        elif kind == 1:
            holder.append(copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(rng.choice(STRANGE))
    return spoilt


def _inside(value: object) -> list[dict | list]:
    """Every mapping and list in a value, itself included."""
    if not isinstance(value, dict | list):
        return []
    below = value.values() if isinstance(value, dict) else value
    return [value, *(one for item in below for one in _inside(item))]
