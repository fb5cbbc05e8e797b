"""Model files that were cut, damaged or tampered with: one sentence each, exit code 2, and no memory taken by a lie."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfecs_lib.baselines import FACSUnits, PCAUnits, PeerUnits, TwoLevelPCAUnits
from dfecs_lib.cli.main import main
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel, PartFaceModel, load_model
from dfecs_lib.workflow import train

Header = dict[str, Any]
Arrays = dict[str, np.ndarray]
Change = Callable[[Header, Arrays], None]


def take_apart(path: Path) -> tuple[Header, Arrays]:
    with np.load(path) as found:
        arrays = {name: found[name] for name in found.files}
    return json.loads(str(arrays.pop("header_json"))), arrays


def put_together(path: Path, header: object, arrays: Arrays) -> Path:
    np.savez_compressed(path, allow_pickle=True, **arrays, header_json=np.array(json.dumps(header)))
    return path


def said(path: Path) -> str:
    """The one sentence with which the file is refused."""
    with pytest.raises(DfecsError) as caught:
        load_model(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: ")
    assert "\n" not in sentence
    assert len(sentence) < 500
    return sentence


@pytest.fixture(scope="module")
def good(motion: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = FullFaceModel(n_units=4, part_variance=0.9, encoder="sparse", max_active=2).fit(motion)
    path = tmp_path_factory.mktemp("models") / "good.npz"
    model.save(path)
    return path


def setting(part: str, name: str, value: object) -> Change:
    return lambda header, arrays: header[part].__setitem__(name, value)


def without(part: str, name: str) -> Change:
    return lambda header, arrays: header[part].__delitem__(name)


def array(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Change:
    return lambda header, arrays: arrays.__setitem__(name, change(arrays[name]))


def spoilt(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        values = values.copy()
        values.flat[3] = value
        return values

    return change


TAMPERED: dict[str, tuple[Change, str]] = {
    "units of another width": (array("components_", lambda a: a[:, :-1]), "components_ has shape (4, 135)"),
    "units in one row": (array("components_", np.ravel), "components_ has shape"),
    "units in three dimensions": (array("components_", lambda a: a[None]), "components_ has shape"),
    "no units": (array("components_", lambda a: a[:0]), "components_ has shape"),
    "NaN": (array("components_", spoilt(np.nan)), "components_ holds numbers that are not finite"),
    "infinity": (array("components_", spoilt(-np.inf)), "components_ holds numbers that are not finite"),
    "numbers that overflow": (array("components_", spoilt(1e300)), "far too large"),
    "NaN in atoms": (array("atoms_", spoilt(np.nan)), "atoms_ holds"),
    "atoms of another shape": (array("atoms_", np.transpose), "atoms_ has shape"),
    "mixing on its side": (array("mixing_", np.transpose), "mixing_ has shape"),
    "one share too many": (array("unit_shares_", lambda a: np.r_[a, 1]), "unit_shares_ has shape (5,)"),
    "an activity too few": (array("unit_activity_", lambda a: a[1:]), "unit_activity_ has shape (3,)"),
    "units that are words": (array("components_", lambda a: a.astype(str)), "where numbers belong"),
    "complex units": (array("components_", lambda a: a + 1j), "where numbers belong"),
    "short floats": (array("components_", lambda a: a.astype(np.float16)), "where numbers belong"),
    "a pickle": (array("components_", lambda a: a.astype(object)), "where numbers belong"),
    "no atoms": (lambda header, arrays: arrays.__delitem__("atoms_"), "atoms_ is missing"),
    "no units at all": (lambda header, arrays: arrays.__delitem__("components_"), "components_ is missing"),
    "a width in words": (setting("fitted", "n_features_in_", "136"), "number of columns is '136'"),
    "no width": (without("fitted", "n_features_in_"), "number of columns"),
    "a negative width": (setting("fitted", "n_features_in_", -136), "components_ has shape"),
    "names of other columns": (setting("fitted", "feature_names_in_", ["x_0"]), "names of columns"),
    "an unknown scheme": (setting("fitted", "scheme_", "ibug69"), "unknown keypoint scheme"),
    "another scheme": (setting("fitted", "scheme_", "bp4d49"), "136 columns"),
    "a scheme of a kind": (setting("fitted", "scheme_", {"a": 1}), "scheme_ is {'a': 1}"),
    "parts of other atoms": (setting("fitted", "atom_parts_", ["lips"]), "parts"),
    "parts that are numbers": (setting("fitted", "atom_parts_", [1, 2]), "atom_parts_ is [1, 2]"),
    "columns beyond the face": (lambda h, a: h["fitted"]["part_columns_"]["lips"].append(500), "columns once at most"),
    "columns twice": (lambda h, a: h["fitted"]["part_columns_"]["lips"].append(0), "columns once at most"),
    "columns in words": (lambda h, a: h["fitted"]["part_columns_"]["lips"].append("0"), "part_columns_ is"),
    "a negative penalty": (lambda h, a: h["fitted"]["part_alphas_"].update(lips=-1.0), "penalty"),
    "a penalty that is none": (lambda h, a: h["fitted"]["part_alphas_"].update(lips=float("nan")), "part_alphas_ is"),
    "a penalty missing": (lambda h, a: h["fitted"]["part_alphas_"].pop("lips"), "same parts"),
    "truth in words": (setting("fitted", "refined_", "yes"), "refined_ is 'yes'"),
    "no truth": (without("fitted", "refined_"), "refined_ is missing"),
    "an unknown encoder": (setting("parameters", "encoder", "omp"), "unknown encoder 'omp'"),
    "an encoder of a kind": (setting("parameters", "encoder", ["sparse"]), "unknown encoder"),
    "a number in words": (setting("parameters", "max_active", "two"), "max_active is 'two'"),
    "half a unit": (setting("parameters", "max_active", 0.5), "max_active is 0.5"),
    "minus one unit": (setting("parameters", "n_units", -1), "n_units is -1"),
    "percent for a share": (setting("parameters", "part_variance", 99), "part_variance is 99"),
    "a penalty below zero": (setting("fitted", "encoder_alpha_", -0.1), "encoder_alpha_ is -0.1"),
    "no number": (setting("parameters", "tol", float("nan")), "tol is nan"),
    "no workers": (setting("parameters", "n_jobs", 0), "n_jobs is 0"),
    "refined in vain": (
        lambda h, a: h["parameters"].update(refine=True, encoder="hierarchical", max_active=None),
        "refined units need",
    ),
    "a table of two lengths": (setting("frames", "unit_path_", {"a": [1], "b": [1, 2]}), "different lengths"),
    "a table in words": (setting("frames", "unit_path_", "table"), "unit_path_ is no table"),
    "settings in a list": (lambda h, a: h.update(parameters=[1]), "no parameters"),
    "no description": (lambda h, a: h.pop("fitted"), "no fitted"),
    "no metadata": (lambda h, a: h.update(metadata=None), "no metadata"),
    "an unknown model": (lambda h, a: h.update(model="Pipeline"), "holds a Pipeline, not a FullFaceModel"),
    "a module for a model": (lambda h, a: h.update(model="os.system"), "holds a os.system"),
    "a model of a kind": (lambda h, a: h.update(model=[]), "holds a []"),
    "another model": (lambda h, a: h.update(model="PCAUnits"), "damaged"),
    "another format": (lambda h, a: h.update(format="dfecs-model-9"), "not a dfecs-model-1 file"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_model_is_refused_in_one_sentence(name: str, good: Path, tmp_path: Path) -> None:
    change, words = TAMPERED[name]
    header, arrays = take_apart(good)
    change(header, arrays)
    sentence = said(put_together(tmp_path / "m.npz", header, arrays))
    assert words in sentence
    assert "get " in sentence or "another version" in sentence  # how to mend it


@pytest.mark.parametrize("header", [[], "text", None, 3, {"format": "dfecs-model-1"}])
def test_a_header_that_is_no_description(header: object, good: Path, tmp_path: Path) -> None:
    said(put_together(tmp_path / "m.npz", header, take_apart(good)[1]))


def test_every_kind_of_model_comes_back_and_checks_its_own_arrays(motion: pd.DataFrame, tmp_path: Path) -> None:
    codes = np.abs(np.random.default_rng(0).normal(size=(len(motion), 2)))
    marks = pd.DataFrame(codes, index=motion.index, columns=["AU01", "AU12"])
    for model, name in (
        (PartFaceModel(n_atoms=2, alpha=1.0).fit(motion), "alpha_"),
        (PCAUnits(2).fit(motion), "variance_explained_"),
        (FACSUnits().fit(motion, marks), "unit_names_"),
        (PeerUnits("semi_nmf", 2).fit(motion), "n_rows_dropped_"),
        (TwoLevelPCAUnits("pca", 2).fit(motion), "atom_parts_"),
    ):
        path = tmp_path / "m.npz"
        model.save(path)
        assert np.array_equal(load_model(path).transform(motion), model.transform(motion))
        header, arrays = take_apart(path)
        for wrong in ("missing", ["one", "two", "three"], float("inf")):
            header["fitted"][name] = wrong
            assert "damaged" in said(put_together(path, header, arrays))


@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_read_also_encodes(data: st.DataObject, good: Path, motion: pd.DataFrame, tmp_path: Path) -> None:
    """Any value of the description, and any array, replaced by anything: a sentence, or a model that works."""
    header, arrays = take_apart(good)
    values = st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        *(st.lists(st.integers(0, 9), max_size=3), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)),
        st.sampled_from([0, 1, 2, "sparse", "direct", "hierarchical", 10**30, -1e308, [[[]]]]),
    )
    for _ in range(data.draw(st.integers(1, 3))):
        where: Any = header
        while isinstance(where, dict | list) and where:
            keys = sorted(where) if isinstance(where, dict) else list(range(len(where)))
            key = data.draw(st.sampled_from(keys))
            if not isinstance(where[key], dict | list) or not where[key] or data.draw(st.booleans()):
                where[key] = data.draw(values)
                break
            where = where[key]
    if data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(arrays)))
        shape = data.draw(st.lists(st.integers(0, 200), max_size=3))
        arrays[name] = np.full(
            shape, data.draw(st.floats(width=16)), dtype=data.draw(st.sampled_from(["f8", "f4", "c16", "?"]))
        )
    path = put_together(tmp_path / "m.npz", header, arrays)
    sentence = ""
    try:
        model = load_model(path)
        codes = np.asarray(model.transform(motion.iloc[:3]))
        assert codes.shape == (3, len(model.components_))
        assert np.isfinite(codes).all()
    except DfecsError as error:
        sentence = str(error)
    assert "\n" not in sentence


def test_a_file_cut_anywhere_is_refused(good: Path, tmp_path: Path) -> None:
    content = good.read_bytes()
    for size in np.linspace(0, len(content) - 1, 40).astype(int):
        (tmp_path / "cut.npz").write_bytes(content[:size])
        assert "not a readable model file" in said(tmp_path / "cut.npz")


def test_encrypted_or_oddly_packed_members_are_refused(good: Path, tmp_path: Path) -> None:
    content = bytearray(good.read_bytes())
    for mark, flags, method in ((b"PK\x01\x02", 8, 10), (b"PK\x03\x04", 6, 8)):
        for at, value in ((flags, 1), (method, 14)):
            changed = bytearray(content)
            start = changed.find(mark)
            while start >= 0:
                changed[start + at : start + at + 2] = struct.pack("<H", value)
                start = changed.find(mark, start + 4)
            (tmp_path / "m.npz").write_bytes(changed)
            if mark == b"PK\x01\x02":  # the list of members, which counts
                assert "not a readable model file" in said(tmp_path / "m.npz")


def npy(shape: tuple[int, ...], content: bytes = b"", descr: str = "<f8") -> bytes:
    target = io.BytesIO()
    np.lib.format.write_array_header_1_0(target, {"descr": descr, "fortran_order": False, "shape": shape})
    return target.getvalue() + content


@pytest.fixture
def small_memory() -> Iterator[None]:
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20, f"{peak / 2**20:.0f} MiB were taken"


def rewritten(good: Path, target: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, members.get(info.filename) or old.read(info))
    return target


@pytest.mark.parametrize("shape", [(10**12, 136), (4, 10**15), (2**62, 2**62), (-4, -136), (0, 10**18), ()])
def test_a_declared_shape_takes_no_memory(
    shape: tuple[int, ...], good: Path, tmp_path: Path, small_memory: None
) -> None:
    path = rewritten(good, tmp_path / "huge.npz", {"components_.npy": npy(shape, b"\0" * 4352)})
    assert "says that it has shape" in said(path) or "components_ has shape" in said(path)


def test_a_text_of_a_declared_length_takes_no_memory(good: Path, tmp_path: Path, small_memory: None) -> None:
    path = rewritten(good, tmp_path / "huge.npz", {"header_json.npy": npy((), b"{}", "<U500000000")})
    assert "not a readable model file" in said(path)


def test_what_unpacks_to_too_much_is_not_unpacked(good: Path, tmp_path: Path, small_memory: None) -> None:
    target = tmp_path / "bomb.npz"
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        new.writestr("header_json.npy", old.read("header_json.npy"))
        with new.open("components_.npy", "w", force_zip64=True) as member:
            member.write(npy((300 << 17, 1)))
            for _ in range(300):
                member.write(bytes(1 << 20))
    assert target.stat().st_size < 3 << 20
    assert "it would unpack to 300 MiB" in said(target)


def test_a_description_nested_without_end(good: Path, tmp_path: Path) -> None:
    text = np.array("[" * 200_000)
    arrays = take_apart(good)[1]
    np.savez_compressed(tmp_path / "m.npz", header_json=text, **arrays)
    said(tmp_path / "m.npz")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device here")
def test_a_device_is_no_model() -> None:
    assert "is no file" in said(Path("/dev/zero"))


def test_a_byte_turned_anywhere_gives_the_same_units_or_a_sentence(good: Path, tmp_path: Path) -> None:
    content, units = good.read_bytes(), load_model(good).components_
    rng = np.random.default_rng(1)
    for at in rng.integers(0, len(content), 100):
        changed = bytearray(content)
        changed[at] ^= 1 << int(rng.integers(8))
        (tmp_path / "m.npz").write_bytes(changed)
        sentence = ""
        try:  # dates and the like may be read
            assert np.array_equal(load_model(tmp_path / "m.npz").components_, units)
        except DfecsError as error:
            sentence = str(error)
        assert "\n" not in sentence


@pytest.fixture(scope="module")
def trained(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained") / "units.npz"
    train([samples / "openface_sample.csv"], n_units=4, part_variance=0.95).save(path)
    return path


def test_the_command_refuses_in_one_line(
    trained: Path, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.npz"
    output = tmp_path / "codes.csv"
    for change in (
        *(TAMPERED[name][0] for name in ("NaN", "mixing on its side", "an unknown encoder", "an unknown model")),
        setting("metadata", "preprocessing", {"frontalize": "yes"}),
        setting("metadata", "preprocessing", {"method": "magic"}),
        setting("metadata", "preprocessing", {"method": "linear", "weights": "AAAA"}),
        setting("metadata", "preprocessing", []),
        setting("metadata", "neutral", {"a": 1}),
        setting("metadata", "neutral", "angry"),
    ):
        header, arrays = take_apart(trained)
        change(header, arrays)
        put_together(bad, header, arrays)
        for words in (("encode", bad, samples / "pyfeat_sample.csv", "-o", output), ("evaluate", bad, samples)):
            assert main([str(word) for word in words]) == 2
            out, err = capsys.readouterr()
            assert out == ""
            assert err.startswith(f"dfecs: {bad}: ")
            assert err.count("\n") == 1
            assert not output.exists()


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_the_real_command_takes_no_memory_for_a_lie(trained: Path, samples: Path, tmp_path: Path) -> None:
    bad = rewritten(trained, tmp_path / "huge.npz", {"components_.npy": npy((10**12, 136), b"\0" * 4352)})
    words = ["encode", bad, samples / "pyfeat_sample.csv", "-o", tmp_path / "codes.csv"]
    done = subprocess.run(
        [sys.executable, "-m", "dfecs_lib.cli", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"dfecs: {bad}: not a readable model file (components_.npy says that it has shape")
    assert done.stderr.count("\n") == 1
