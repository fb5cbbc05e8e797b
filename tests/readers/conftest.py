"""Small trees in the licensed datasets' layouts, with faces whose every number tells where it came from."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io

from dfecs_lib import load_dataset


def face(n_points: int, tag: float) -> np.ndarray:
    """Points (K, 2): x_k = 100 + 3k, y_k = tag + k / 100, so that a row can be traced to its file."""
    k = np.arange(n_points)
    return np.column_stack([100 + 3.0 * k, tag + k / 100])


def write_mat(path: Path, tag: float, n_points: int = 66) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {"pts": face(n_points, tag)})


def write_text(path: Path, tag: float, n_points: int, separator: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{x:.7e}{separator}{y:.7e}" for x, y in face(n_points, tag)]
    path.write_text("\n".join(lines) + "\n")


def write_xlsx(path: Path, rows: list[list[object]]) -> None:
    """Write the least spreadsheet that is one: texts and numbers in one sheet."""

    def cell(value: object) -> str:
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return f"<c><v>{value}</v></c>"

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    sheet = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/sheet.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}">'
        '<sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="sheet.xml"/></Relationships>',
        "xl/sheet.xml": f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as zipped:
        for name, text in parts.items():
            zipped.writestr(name, f'<?xml version="1.0"?>{text}')


def disfa_labels(root: Path, subject: str, units: dict[int, dict[int, float]]) -> None:
    folder = root / "ActionUnit_Labels" / subject
    folder.mkdir(parents=True, exist_ok=True)
    for unit, codes in units.items():
        lines = [f"{frame},{value:g}" for frame, value in codes.items()]
        (folder / f"{subject}_au{unit}.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def disfa(tmp_path: Path) -> Path:
    """Frames 3736-3745 of three subjects: SN001 whole; SN002 lacks 3741 and has defects; SN004 is left out."""
    root = tmp_path / "DISFA"
    frames = range(3736, 3746)
    for subject, tag in (("SN001", 1000), ("SN002", 2000), ("SN004", 4000)):
        for frame in frames:
            write_mat(root / "Landmark_Points" / subject / "tmp_frame_lm" / f"{subject}_{frame}_lm.mat", tag + frame)
        disfa_labels(root, subject, {1: dict.fromkeys(frames, 0), 12: {f: (f - 3740) * (f > 3740) for f in frames}})
    points = root / "Landmark_Points" / "SN002" / "tmp_frame_lm"
    (points / "SN002_3741_lm.mat").unlink()
    (points / "SN002_3743_lm.mat").write_bytes(b"\x00\x01junk" * 40)
    write_mat(points / "SN002_3744_lm.mat", 0, n_points=68)
    (root / "ActionUnit_Labels" / "SN002" / "SN002_au1.txt").write_bytes(b"\xff\xfe\x00 not text \x9d")
    # A real old .xls: Subject, Start, End / SN001, 3744, 3745 / (blank), 3737, 3737.
    shutil.copy(Path(__file__).parent / "data" / "Error_LOG_Sheet.xls", root)
    return root


@pytest.fixture
def ckplus(tmp_path: Path) -> Path:
    """S005/001 with 4 frames; S010/002 whose first frame is damaged; S011/001 with an unreadable label file."""
    root = tmp_path / "CK+"
    for subject, sequence, n in (("S005", "001", 4), ("S010", "002", 3), ("S011", "001", 3)):
        folder = root / "Landmarks" / subject / sequence
        for frame in range(1, n + 1):
            name = f"{subject}_{sequence}_{frame:08d}_landmarks.txt"
            write_text(folder / name, int(subject[1:]) * 100 + frame, 68, "   ")
        codes = root / "FACS" / subject / sequence
        codes.mkdir(parents=True)
        (codes / f"{subject}_{sequence}_{n:08d}_facs.txt").write_text(
            "   6.0000000e+00   3.0000000e+00\n   1.2000000e+01   0.0000000e+00\n"
        )
    (root / "FACS/S010/002/S010_002_00000003_facs.txt").write_text("   4.0000000e+00   2.0000000e+00\n")
    (root / "FACS/S011/001/S011_001_00000003_facs.txt").write_bytes(b"\x93\x00\xff{\\rtf1")
    (root / "Landmarks/S010/002/S010_002_00000001_landmarks.txt").write_text("1.0 2.0\n3.0")
    return root


@pytest.fixture
def bp4d(tmp_path: Path) -> Path:
    """F001/T1 with frames 997-1003 in three and four digits, F001/T2 short, M001/T1 without labels."""
    root = tmp_path / "BP4D"
    for subject, task, frames in (
        ("F001", "T1", range(997, 1004)),
        ("F001", "T2", range(1, 4)),
        ("M001", "T1", [5, 6]),
    ):
        for frame in frames:
            folder = root / "2DFeatures" / subject / subject / task
            write_text(folder / f"{frame:03d}.txt", frame, 49, ",")
    labels = root / "AUCoding" / "AU_OCC"
    labels.mkdir(parents=True)
    # The least is a sum of 1: frames 998; 1000-1002 (with an unknown); and 1-2 of the other task.
    codes = {997: (1, 1), 998: (1, 0), 999: (1, 1), 1000: (1, 9), 1001: (1, 0), 1002: (0, 1), 1003: (1, 1)}
    lines = ["0,1,2,12", *(f"{frame},{a},9,{b}" for frame, (a, b) in codes.items())]
    (labels / "F001_T1.csv").write_text("\n".join(lines) + "\n")
    (labels / "F001_T2.csv").write_text("0,1,2,12\n1,1,9,0\n2,1,9,0\n3,1,9,1\n")
    return root


@pytest.fixture
def exemplars(tmp_path: Path) -> Path:
    """The neutral face, three units, one combination, and two files that cannot be used."""
    root = tmp_path / "facs"
    for tag, name in enumerate(["s0", "s1", "s12", "s1+2"]):
        write_text(root / f"{name}.txt", tag, 68, " ")
    (root / "s4.txt").write_text("1 2\n")
    (root / "s9L.txt").write_text("1 2\n")
    return root


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Load a dataset from a folder, as a user does with an environment variable."""
    monkeypatch.setenv("DFECS_CACHE", str(tmp_path / "cache"))

    def loader(name: str, folder: Path, **options: object):
        monkeypatch.setenv("DFECS_" + name.upper().replace("-", "_"), str(folder))
        return load_dataset(name, progress=False, **options)

    return loader


def tag(table: pd.DataFrame, *entry: object) -> float:
    """Return y_0 of a row, which says from which file it came."""
    return float(table.xs(entry, level=list(range(1, 1 + len(entry))))["y_0"].iloc[0])


def frames_of(table: pd.DataFrame, subject: str) -> list[int]:
    return table.xs(subject, level="subject").index.get_level_values("frame").tolist()
