"""From tables to units and codes: schemes, neutral frames, models that do not say how faces were prepared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import keypoints, load, read_keypoints, workflow
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel, load_model
from dfecs_lib.preprocessing import preparation


@pytest.fixture(scope="module")
def tables(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tables")
    full = read_keypoints(samples / "pyfeat_sample.csv")
    keypoints.save(full, folder / "full.parquet")
    keypoints.save(keypoints.convert(full, "bp4d49"), folder / "part.parquet")
    return {"full": folder / "full.parquet", "part": folder / "part.parquet"}


def test_a_table_with_more_points_is_encoded_as_its_own_lesser_scheme(tables: dict[str, Path], tmp_path: Path) -> None:
    workflow.train([tables["part"]], n_units=3).save(tmp_path / "u.npz")
    model = load_model(tmp_path / "u.npz")
    pd.testing.assert_frame_equal(workflow.encode(model, tables["full"]), workflow.encode(model, tables["part"]))


def test_a_table_with_fewer_points_is_encoded_from_those_it_has(tables: dict[str, Path]) -> None:
    model = workflow.train([tables["full"]], n_units=3)
    codes = workflow.encode(model, tables["part"])
    assert len(codes) == 40
    assert np.isfinite(codes.to_numpy()).all()
    scores = workflow.evaluate(model, [tables["part"]])
    assert scores.loc[str(tables["part"]), "variance_explained"] > 50


def test_tables_of_different_schemes_need_a_word(tables: dict[str, Path], tmp_path: Path) -> None:
    other = keypoints.load(tables["part"]).rename(index={"001": "002"}, level="recording")
    other.attrs = keypoints.load(tables["part"]).attrs
    keypoints.save(other.sort_index(), tmp_path / "other.parquet")
    with pytest.raises(DfecsError, match=r"different schemes \(bp4d49, ibug68\)"):
        workflow.train([tables["full"], tmp_path / "other.parquet"], n_units=3)
    model = workflow.train([tables["full"], tmp_path / "other.parquet"], n_units=3, scheme="bp4d49")
    assert model.scheme_ == "bp4d49"
    assert model.metadata_["training"]["recordings"] == 2


def test_the_neutral_frame_given_has_no_code(tables: dict[str, Path]) -> None:
    model = workflow.train([tables["full"]], n_units=3)
    frame = int(keypoints.load(tables["full"]).index.get_level_values("frame")[7])
    codes = workflow.encode(model, tables["full"], neutral_frame=frame)
    assert (codes.xs(frame, level="frame").to_numpy() == 0).all()
    with pytest.raises(DfecsError, match="has no frame 99999"):
        workflow.encode(model, tables["full"], neutral_frame=99999)


def test_a_model_that_does_not_say_how_is_refused(tables: dict[str, Path]) -> None:
    rng = np.random.default_rng(0)
    motion = rng.exponential(20, (60, 3)) @ rng.normal(size=(3, 136)) / 10
    with pytest.raises(DfecsError, match="does not say how"):
        workflow.encode(FullFaceModel(n_units=2, part_variance=0.9).fit(motion), tables["full"])


def test_a_recording_without_a_face_does_not_stop_the_others(tables: dict[str, Path], tmp_path: Path) -> None:
    full = keypoints.load(tables["full"])
    lost = full.rename(index={"001": "002"}, level="recording") * np.nan
    both = pd.concat([full, lost]).sort_index()
    both.attrs = full.attrs
    keypoints.save(both, tmp_path / "both.parquet")
    data = load(tmp_path / "both.parquet")
    prepared = preparation(data)
    assert (len(prepared.neutral), len(prepared.motion), data.report.failed) == (1, 40, 40)
    assert [note.endswith("002: no frame shows a face.") for note in prepared.notes] == [True]
    with pytest.warns(UserWarning, match="no frame shows a face"):
        model = workflow.train([tmp_path / "both.parquet"], n_units=3)
    with pytest.warns(UserWarning, match="no frame shows a face"):
        codes = workflow.encode(model, tmp_path / "both.parquet")
    assert codes.notna().all(axis=1).sum() == 40


def test_one_name_cannot_cover_several_recordings(tables: dict[str, Path], tmp_path: Path) -> None:
    full = keypoints.load(tables["full"])
    both = pd.concat([full, full.rename(index={"001": "002"}, level="recording")]).sort_index()
    both.attrs = full.attrs
    keypoints.save(both, tmp_path / "both.parquet")
    assert set(read_keypoints(tmp_path / "both.parquet", subject="P1").index.unique("subject")) == {"P1"}
    with pytest.raises(DfecsError, match="holds 2 recordings"):
        read_keypoints(tmp_path / "both.parquet", recording="happy")
