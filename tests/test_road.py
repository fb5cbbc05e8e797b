"""load → prepare → fit: one road, whatever files people came in, and nothing on it that is not motion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from dfecs_lib import keypoints, load, prepare, read_keypoints, workflow
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel, load_model
from dfecs_lib.neutral import choose_neutral
from dfecs_lib.preprocessing import KeypointMotion, make_preprocessor, motion_vectors, preparation


@pytest.fixture(scope="module")
def person() -> pd.DataFrame:
    """Two recordings of one simulated person that were not told where that person rests."""
    data = load("sim-ckplus").keypoints
    subject = data.index.get_level_values("subject")
    counts = data.groupby(level=["subject", "recording"]).size().groupby("subject").size()
    rows = data[subject == counts.index[counts >= 2][0]]
    first_two = rows.index.get_level_values("recording").unique()[:2]
    table = rows[rows.index.get_level_values("recording").isin(first_two)].rename(index={"sim-ckplus": ""}, level=0)
    table.attrs = {"scheme": "ibug68", "history": [{"operation": "read"}]}
    return table.sort_index().pipe(_with, table.attrs)


def _with(table: pd.DataFrame, attrs: dict[str, object]) -> pd.DataFrame:
    table.attrs = attrs
    return table


@pytest.fixture(scope="module")
def files(person: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path]:
    folder = tmp_path_factory.mktemp("person")
    apart = []
    for name, rows in person.groupby(level="recording"):
        path = folder / f"P01_{name}.csv"
        numbers = rows.reset_index(drop=True)
        numbers.insert(0, "frame", rows.index.get_level_values("frame"))
        numbers.to_csv(path, index=False)
        apart.append(path)
    together = person.copy()
    together.index = together.index.set_levels(["P01"], level="subject")
    keypoints.save(_with(together, person.attrs), folder / "together.parquet")
    return apart, folder / "together.parquet"


def test_files_of_one_subject_give_what_one_table_with_the_same_rows_gives(files: tuple[list[Path], Path]) -> None:
    apart, together = files
    a = workflow.train(apart, names="{subject}_{recording}", n_units=3)
    b = workflow.train([together], n_units=3)
    np.testing.assert_allclose(a.components_, b.components_, atol=1e-9)
    one = workflow.encode(a, together)
    two = workflow.encode(a, apart, names="{subject}_{recording}")
    np.testing.assert_allclose(two.to_numpy(), one.to_numpy(), atol=1e-9)
    scores = workflow.evaluate(a, apart, names="{subject}_{recording}")
    expected = workflow.evaluate(a, [together])
    np.testing.assert_allclose(scores.loc["all"].astype(float), expected.iloc[0].astype(float), atol=1e-9)


def test_a_model_of_the_ten_lines_encodes_files_and_one_of_the_command_encodes_tables(
    files: tuple[list[Path], Path], tmp_path: Path
) -> None:
    _, together = files
    motion = prepare(load(together))
    FullFaceModel(n_units=3).fit(motion).save(tmp_path / "units.npz")
    model = load_model(tmp_path / "units.npz")
    codes = workflow.encode(model, together)
    np.testing.assert_allclose(codes.loc[motion.index], model.transform(motion), atol=1e-9)
    registered = make_preprocessor().fit_transform(read_keypoints(together))
    longer = motion_vectors(registered, choose_neutral(registered))
    np.testing.assert_allclose(workflow.encode(FullFaceModel(n_units=3).fit(longer), together), codes, atol=1e-9)


def test_motion_is_measured_from_a_resting_face_elsewhere(files: tuple[list[Path], Path], tmp_path: Path) -> None:
    apart, together = files
    model = workflow.train([together], n_units=3)
    frame = int(keypoints.load(together).index[0][3])
    codes = workflow.encode(model, apart[1], neutral_from=f"{apart[0]}@{frame}")
    own = workflow.encode(model, apart[1])
    assert not np.allclose(codes, own)
    at_rest = workflow.encode(model, apart[0], neutral_from=f"{apart[0]}@{frame}")
    assert (at_rest.xs(frame, level="frame").to_numpy() == 0).all()
    with pytest.raises(DfecsError, match="exclude each other"):
        workflow.encode(model, apart[0], neutral="medoid", neutral_from=apart[0])


def test_faces_are_refused_as_motion_with_what_to_call(person: pd.DataFrame) -> None:
    with pytest.raises(DfecsError, match=r"holds faces, not motion .*dfecs_lib\.prepare"):
        FullFaceModel(n_units=3).fit(person)
    with pytest.raises(DfecsError, match="KeypointMotion"):
        make_pipeline(make_preprocessor(), FullFaceModel(n_units=3)).fit(person)
    with pytest.raises(DfecsError, match="holds motion already"):
        prepare(prepare(person))
    with pytest.warns(UserWarning, match="look like faces"):
        FullFaceModel(n_units=2, n_atoms=1, alpha=1.0).fit(person.to_numpy())


def test_the_step_in_a_pipeline_does_what_prepare_does(person: pd.DataFrame) -> None:
    steps = make_pipeline(make_preprocessor(), KeypointMotion())
    pd.testing.assert_frame_equal(steps.fit_transform(person), prepare(person), check_exact=False, atol=1e-9)
    one = person[person.index.get_level_values("recording") == person.index[0][2]]
    np.testing.assert_allclose(steps.fit_transform(one.to_numpy()), prepare(_with(one, person.attrs)), atol=1e-9)


def test_order_of_rows_and_columns_does_not_matter_and_lost_attrs_are_told_from_the_columns(
    person: pd.DataFrame,
) -> None:
    expected = prepare(person)
    rng = np.random.default_rng(0)
    shuffled = person.iloc[rng.permutation(len(person)), ::-1]
    np.testing.assert_array_equal(prepare(shuffled), expected)
    bare = pd.concat([person.iloc[:20], person.iloc[20:]])
    bare.attrs = {}
    np.testing.assert_array_equal(prepare(bare), expected)
    units = FullFaceModel(n_units=2).fit(expected)
    np.testing.assert_array_equal(units.transform(expected[expected.columns[::-1]]), units.transform(expected))


def test_a_recording_that_cannot_be_registered_is_named_and_the_others_go_on(person: pd.DataFrame) -> None:
    broken = person.copy()
    second = broken.index.get_level_values("recording").unique()[1]
    broken.loc[broken.index.get_level_values("recording") == second, ["x_39", "y_39"]] = np.nan
    prepared = preparation(_with(broken, person.attrs))
    assert [second in note and "registered" in note for note in prepared.notes] == [True]
    assert set(prepared.motion.index.unique("recording")) == {person.index[0][2]}


def test_a_folder_goes_on_past_a_file_that_is_no_table(files: tuple[list[Path], Path], tmp_path: Path) -> None:
    apart, _ = files
    (tmp_path / "P01_a.csv").write_bytes(apart[0].read_bytes())
    (tmp_path / "codes.csv").write_text("frame,U01\n0,1.5\n")
    with pytest.warns(UserWarning, match=r"1 of 2 files were passed over: codes\.csv"):
        data = load(tmp_path)
    assert [name for name, _ in data.report.unreadable] == ["codes.csv"]
    assert data.n_recordings == 1
    with pytest.raises(DfecsError, match=r"codes\.csv"):
        load(tmp_path, strict=True)


def test_a_dataset_refuses_a_neutral_rule_that_it_does_not_have() -> None:
    from dfecs_lib import load_dataset

    with pytest.raises(DfecsError, match="unknown neutral rule 'nonsense'"):
        load_dataset("sim-ckplus", neutral="nonsense")
    assert load_dataset("sim-ckplus", neutral="choose").neutral is None
