"""The page of one recording stands alone, says what to distrust, and shows what the units do in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import keypoints, load, prepare
from dfecs_lib.cli import main
from dfecs_lib.ffm import load_model
from dfecs_lib.keypoints import get_scheme
from dfecs_lib.publishing.report import summary_of_codes
from dfecs_lib.tracking import track_many
from dfecs_lib.workflow import train


@pytest.fixture(scope="module")
def page(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    table, frames = track_many([samples / "single_face.mp4"])
    keypoints.save(table, folder / "clip.parquet", time=frames["time"])
    train(folder / "clip.parquet", n_units=8).save(folder / "units.npz")
    words = [
        "report",
        str(folder / "clip.parquet"),
        "-o",
        str(folder / "page.html"),
        "--units",
        str(folder / "units.npz"),
    ]
    assert main(words) == 0
    return folder / "page.html"


def test_summary_counts_what_is_active_and_where(page: Path) -> None:
    model = load_model(page.parent / "units.npz")
    names = list(model.get_feature_names_out())
    codes = pd.DataFrame(0.0, index=range(11), columns=names)
    codes.iloc[:5, 0] = 10.0
    table = summary_of_codes(codes, model, pd.Series([k / 10 for k in range(11)]))
    assert table.loc[0, ["mean", "peak"]].tolist() == pytest.approx([50 / 11, 10])
    assert table.loc[0, ["active", "active_s"]].tolist() == pytest.approx([500 / 11, 0.5])
    assert table["left_right"].between(-1, 1).all()


def test_a_mirrored_clip_has_its_sides_exchanged(page: Path) -> None:
    model = load_model(page.parent / "units.npz")
    mirror = get_scheme(model.scheme_).mirror

    def mirrored(rows: np.ndarray) -> np.ndarray:
        across, down = np.split(rows, 2, axis=1)
        return np.concatenate([-across[:, mirror], down[:, mirror]], axis=1)

    model.components_ = model.components_ + mirrored(model.components_)  # units of both sides alike
    motion = prepare(load(page.parent / "clip.parquet")).dropna()
    turned = pd.DataFrame(mirrored(motion.to_numpy()), index=motion.index, columns=motion.columns)
    turned.attrs = motion.attrs
    as_it_is, exchanged = (
        summary_of_codes(model.transform(rows), model, motion=rows)["left_right"] for rows in (motion, turned)
    )
    assert as_it_is.abs().max() > 0.1
    np.testing.assert_allclose(exchanged, -as_it_is, atol=1e-6)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1100, 390])
def test_the_page_shows_a_moving_face_and_fits_without_a_network(page: Path, browser, width: int) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 800}, offline=True)
    asked, wrong = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.goto(page.as_uri())
    faces = tab.locator("#player path")
    assert faces.count() == 2
    before = faces.first.get_attribute("d")
    tab.locator("#player input").fill("60")
    assert faces.first.get_attribute("d") != before
    assert tab.locator("#player output").inner_text() == "2.00 s"
    assert tab.locator(".dfecs-live .main-svg").first.is_visible()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.locator("li").count() >= 1
    assert wrong == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    tab.close()


def test_units_learnt_on_one_tracker_warn_of_faces_from_another(page: Path) -> None:
    from dfecs_lib import keypoints
    from dfecs_lib.workflow import prepare_for

    model = load_model(page.parent / "units.npz")
    table = keypoints.load(page.parent / "clip.parquet")
    prepare_for(model, table)  # the same one: no warning
    table.attrs["history"][0]["backend"] = "face-alignment"
    with pytest.warns(UserWarning, match="tracked by face-alignment, the units were learnt on dlib"):
        prepare_for(model, table)


def test_of_a_table_of_several_one_is_chosen(page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = keypoints.load(page.parent / "clip.parquet")
    both = pd.concat([one, one.rename(index={"single_face": "again"}, level="recording")]).sort_index()
    both.attrs = one.attrs
    keypoints.save(both, tmp_path / "both.parquet")
    words = ["report", str(tmp_path / "both.parquet"), "-o", str(tmp_path / "page.html")]
    assert main(words) == 2
    assert "holds 2 recordings" in (said := capsys.readouterr().err)
    assert "--recording" in said
    assert "again" in said
    assert main([*words, "--recording", "nobody"]) == 2
    assert not (tmp_path / "page.html").exists()
    assert main([*words, "--recording", "again"]) == 0
    assert "of again: motion is measured from it" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_folder_of_tables_and_a_dataset_are_reported_on_by_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = load("sim-ckplus").keypoints
    wanted = faces.index.unique("recording")[1]
    first = faces.xs("S001", level="subject", drop_level=False)
    (tmp_path / "tables").mkdir()
    for name, rows in first.groupby(level="recording"):
        rows.attrs = faces.attrs
        keypoints.save(rows, tmp_path / "tables" / f"{name}.parquet")
    from_folder, from_dataset = tmp_path / "folder.html", tmp_path / "dataset.html"
    assert main(["report", str(tmp_path / "tables"), "-o", str(from_folder), "--recording", wanted]) == 0
    assert main(["report", f"sim-ckplus/{wanted}", "-o", str(from_dataset)]) == 2
    assert f"choose with --recording from S001/{wanted}, " in capsys.readouterr().err
    assert main(["report", f"sim-ckplus/{wanted}", "-o", str(from_dataset), "--recording", f"S001/{wanted}"]) == 0
    known = load("sim-ckplus").neutral.xs(("S001", wanted), level=("subject", "recording")).index[0][1]
    assert f"Frame {known} of {wanted}" in from_dataset.read_text(encoding="utf-8")
    assert f"of {wanted}: motion is measured from it" in from_folder.read_text(encoding="utf-8")
