"""The 3-D head finds the resting face, and says when there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import load_dataset
from dfecs_lib.errors import DfecsError
from dfecs_lib.head3d import load_head
from dfecs_lib.keypoints import convert, make_table, validate
from dfecs_lib.neutral import FAR_FROM_REST, choose_neutral, neutral_report
from dfecs_lib.preprocessing import make_preprocessor
from dfecs_lib.simulate import simulate

SMILE, BROWS = ("AU12R", "AU12L", "AU25", "AU26", "AU06R", "AU06L"), ("AU01R", "AU01L", "AU02R", "AU02L")


def recording(course: dict[int, np.ndarray], subject: str = "S1", name: str = "r", seed: int = 0) -> pd.DataFrame:
    """Raw frames of one head that is not the mean one; `course` maps expression numbers to intensities over time."""
    head, rng = load_head(), np.random.default_rng(seed)
    person = np.random.default_rng(sum(map(ord, subject))).normal(size=(1, len(head.identity)))
    length = len(next(iter(course.values())))
    intensities = np.zeros((length, len(head.expression)))
    for mode, heights in course.items():
        intensities[:, mode] = heights
    shapes = head.identities(person) + head.expressions(intensities)
    seen = 2 * shapes[:, :, :2] + 300 + rng.normal(size=(length, 68, 2)) * 0.5
    return make_table(seen, scheme="ibug68", frames=range(length), dataset="d", subject=subject, recording=name)


def together(*tables: pd.DataFrame) -> pd.DataFrame:
    whole = pd.concat(tables).sort_index()
    whole.attrs = tables[0].attrs
    return whole


def heights(*levels: float) -> np.ndarray:
    """Held levels of 20 frames each."""
    return np.repeat(levels, 20).astype(float)


def modes(names: tuple[str, ...]) -> list[int]:
    return [load_head().expression_names.index(name) for name in names]


@pytest.fixture(scope="module")
def mostly_smiling() -> pd.DataFrame:
    """Smiles for most of the time, rests in frames 60 to 79."""
    course = heights(4, 4, 4, 0, 4, 4, 4)
    return recording(dict.fromkeys(modes(SMILE), course))


def frames_of(chosen: pd.DataFrame) -> list[int]:
    return [int(frame) for frame in chosen.index.get_level_values("frame")]


def test_the_resting_face_of_a_recording_that_mostly_smiles(mostly_smiling: pd.DataFrame) -> None:
    registered = make_preprocessor().fit_transform(mostly_smiling)
    chosen = validate(choose_neutral(registered))
    assert 60 <= frames_of(chosen)[0] < 80
    assert not 60 <= frames_of(choose_neutral(registered, "medoid"))[0] < 80  # what the old rule took for rest
    pd.testing.assert_frame_equal(chosen, registered.loc[chosen.index], check_flags=False)
    entry = chosen.attrs["history"][-1]
    assert entry["method"] == "head"
    assert entry["distance_px"][0] < FAR_FROM_REST
    assert neutral_report(registered, chosen)["warning"].tolist() == [""]


@pytest.mark.parametrize("scheme", ["ibug68", "disfa66", "bp4d49"])
@pytest.mark.parametrize("state", ["raw", "affine", "registered"])
def test_every_scheme_registered_or_not(mostly_smiling: pd.DataFrame, scheme: str, state: str) -> None:
    table = convert(mostly_smiling, scheme)
    if state != "raw":
        table = make_preprocessor(parts=state == "registered").fit_transform(table)
    assert 60 <= frames_of(choose_neutral(table))[0] < 80


def test_a_mesh_is_judged_by_its_68_points(mostly_smiling: pd.DataFrame) -> None:
    from dfecs_lib.keypoints import MEDIAPIPE478

    where = MEDIAPIPE478.positions(list(range(68)))
    values = np.zeros((len(mostly_smiling), 2 * 478))
    values[:, np.r_[where, 478 + where]] = mostly_smiling.to_numpy()
    mesh = make_table(values, scheme="mediapipe478", frames=range(len(values)), dataset="d", subject="S1")
    assert 60 <= frames_of(choose_neutral(mesh))[0] < 80


def test_order_of_rows_and_columns_does_not_matter(mostly_smiling: pd.DataFrame) -> None:
    registered = make_preprocessor().fit_transform(together(mostly_smiling, recording({0: heights(5, 0, 5)}, "S2")))
    expected = choose_neutral(registered)
    for other in (registered.sample(frac=1, random_state=0), registered.iloc[::-1], registered.sort_index(axis=1)):
        other.attrs = registered.attrs
        assert choose_neutral(other).index.equals(expected.index)
        assert neutral_report(other).equals(neutral_report(registered))


def test_lost_frames_and_points(mostly_smiling: pd.DataFrame) -> None:
    table = mostly_smiling.copy()
    table.attrs = mostly_smiling.attrs
    table.iloc[60:65] = np.nan
    table.iloc[::7, [20, 88]] = np.nan  # now and then a brow point is lost
    table[["x_8", "y_8"]] = np.nan  # this one always
    registered = make_preprocessor().fit_transform(table)
    chosen = choose_neutral(registered)
    assert 65 <= frames_of(chosen)[0] < 80
    assert chosen.isna().to_numpy().sum() == 2


def test_neutral_frames_belong_to_a_subject() -> None:
    """A recording that never rests is judged by its subject's rest, and said to be far from it."""
    rests = recording({mode: heights(0, 4, 0) for mode in modes(SMILE)}, name="rests")
    smiles = recording({mode: heights(4, 5, 4) for mode in modes(SMILE)}, name="smiles")
    raises = recording({mode: heights(0.0, 4, 0) for mode in modes(BROWS)}, name="raises", seed=1)
    registered = make_preprocessor().fit_transform(together(rests, smiles, raises))
    report = neutral_report(registered)
    assert report.loc[("d", "S1", "smiles"), "distance_px"] > FAR_FROM_REST
    assert "never rests" in report.loc[("d", "S1", "smiles"), "warning"]
    for name in ("rests", "raises"):
        assert report.loc[("d", "S1", name), "distance_px"] < FAR_FROM_REST
        assert not 20 <= report.loc[("d", "S1", name), "frame"] < 40


def test_a_held_smile_is_not_taken_for_rest() -> None:
    held = make_preprocessor().fit_transform(recording({mode: heights(4, 4, 4) for mode in modes(SMILE)}))
    warning = neutral_report(held)["warning"].item()
    assert "never rests" in warning
    assert "frames 0 to 59 are one long stretch" in warning


def test_a_photo_is_its_own_neutral_face(mostly_smiling: pd.DataFrame) -> None:
    photo = mostly_smiling.iloc[[65]]
    photo.attrs = mostly_smiling.attrs
    registered = make_preprocessor().fit_transform(photo)
    assert frames_of(choose_neutral(registered)) == [65]
    assert "zero by construction" in neutral_report(registered)["warning"].item()


def test_the_report_takes_neutral_rows_of_a_subject(mostly_smiling: pd.DataFrame) -> None:
    other = recording({0: heights(5, 5)}, name="z")
    registered = make_preprocessor().fit_transform(together(mostly_smiling, other))
    neutral = registered.loc[[("d", "S1", "r", 70)]]
    report = neutral_report(registered, neutral)
    assert report["frame"].tolist() == [70, 70]
    assert report["neutral_recording"].tolist() == ["r", "r"]
    assert (report["distance_px"] < FAR_FROM_REST).all()
    with pytest.raises(DfecsError, match="no neutral face"):
        neutral_report(registered, registered.loc[[("d", "S1", "z", 0)]].rename(index={"S1": "S9"}, level="subject"))


def test_where_the_head_cannot_tell_another_rule_serves_and_the_reason_is_kept() -> None:
    noise = make_table(np.random.default_rng(0).normal(size=(30, 136)) * 100, scheme="ibug68", frames=range(30))
    chosen = choose_neutral(noise)
    assert chosen.index.equals(choose_neutral(noise, "shared").index)
    assert "face" in chosen.attrs["history"][-1]["instead"]["//"]
    constant = make_table(np.ones((5, 136)), scheme="ibug68", frames=range(5))
    assert len(choose_neutral(constant)) == 1
    assert len(neutral_report(constant)) == 1
    few = np.full((4, 136), np.nan)
    few[:, [30, 33, 48, 98, 101, 116]] = 1.0
    assert len(choose_neutral(make_table(few, scheme="ibug68", frames=range(4)))) == 1


@pytest.mark.parametrize(
    "arguments", [{"method": 3}, {"method": ["head"]}, {"frame": "x"}, {"frame": True}, {"frame": 2.5},
                  {"frame": {("d", "S1", "r"): "x"}}, {"frame": {("d", "S1", "other"): 3}}]
)  # fmt: skip
def test_arguments_of_the_wrong_kind_are_refused(mostly_smiling: pd.DataFrame, arguments: dict[str, object]) -> None:
    with pytest.raises(DfecsError):
        choose_neutral(mostly_smiling, **arguments)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("name", ["sim-disfa", "sim-ckplus", "sim-bp4d"])
def test_simulated_people_express_no_more_than_by_the_shared_face(name: str) -> None:
    data = load_dataset(name)
    assert data.action_units is not None
    registered = make_preprocessor().fit_transform(data.keypoints)
    units = data.action_units.sum(axis=1)
    expressed = {m: float(units.loc[choose_neutral(registered, m).index].mean()) for m in ("head", "shared")}
    assert expressed["head"] <= expressed["shared"]


def test_posed_sequences_are_measured_from_rest() -> None:
    data = simulate("sim-ckplus", random_state=3)
    registered = make_preprocessor().fit_transform(data.keypoints)
    units = data.truth.action_units.sum(axis=1).loc[choose_neutral(registered).index]
    assert units.mean() <= 0.1
