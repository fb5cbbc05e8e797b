"""Drawn faces stand upright in true proportions; figures carry alt text and the page's own ink."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import plotting
from dfecs_lib.anatomy.contours import contours
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.schemes import SCHEMES, get_scheme


def face(scheme: str = "ibug68") -> np.ndarray:
    """A row of points on two rings: order and neighbours are what matters here."""
    n = get_scheme(scheme).n_points
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.concatenate([300 + 100 * np.cos(angle), 200 + 150 * np.sin(angle)])


@pytest.mark.parametrize("name", sorted(SCHEMES))
def test_every_ibug_point_of_a_scheme_lies_on_a_contour(name):
    scheme = get_scheme(name)
    drawn = {int(p) for line in contours(scheme) for p in line}
    assert drawn >= set(scheme.source)
    assert scheme.dense or drawn == set(scheme.source)


@pytest.mark.parametrize(("name", "closed"), [("ibug68", 4), ("disfa66", 4), ("bp4d49", 4)])
def test_eyes_and_lips_are_closed_lines(name, closed):
    lines = contours(name)
    assert sum(int(line[0]) == int(line[-1]) for line in lines) == closed


def test_a_face_is_drawn_upright_in_one_scale_with_every_point_inside():
    _, (ax,) = plotting.new_figure()
    row = face()
    plotting.draw_face(ax, row, "ibug68", points=True)
    bottom, top = ax.get_ylim()
    assert bottom > top  # y points down
    assert ax.get_aspect() == 1.0
    left, right = ax.get_xlim()
    assert left < row[:68].min()
    assert right > row[:68].max()


def test_missing_points_leave_gaps_and_do_not_move_the_frame():
    row = face()
    row[[3, 71]] = np.nan
    _, (ax,) = plotting.new_figure()
    plotting.draw_face(ax, row, "ibug68")
    assert np.isfinite(ax.get_xlim()).all()


def test_a_face_without_any_point_draws_nothing_and_does_not_fail():
    figure, (ax,) = plotting.new_figure()
    plotting.draw_face(ax, np.full(136, np.nan), "ibug68")
    assert "<figure" in plotting.Figure(figure, alt="No face.").html


def test_arrows_point_where_the_keypoints_go():
    motion = np.zeros(136)
    motion[48] = 10.0
    motion[68 + 57] = 20.0
    _, (ax,) = plotting.new_figure()
    used = plotting.draw_motion(ax, face(), motion, "ibug68", scale=2.0)
    (arrows,) = [c for c in ax.collections if hasattr(c, "U")]
    assert used == 2.0
    assert sorted(zip(arrows.U, arrows.V, strict=True)) == [(0.0, 40.0), (20.0, 0.0)]


def test_motion_of_nothing_draws_the_face_alone():
    _, (ax,) = plotting.new_figure()
    assert plotting.draw_motion(ax, face(), np.zeros(136)) == 1.0
    assert not [c for c in ax.collections if hasattr(c, "U")]


@pytest.mark.parametrize("bad", [np.zeros(7), np.zeros((3, 3, 2)), np.zeros(40)])
def test_what_is_no_face_is_refused_in_one_sentence(bad):
    with pytest.raises(DfecsError):
        plotting.faces.row_points(bad)


def page(alt: str = "A curve.") -> plotting.Figure:
    figure, (ax,) = plotting.new_figure()
    plotting.draw_curves(ax, [1, 2, 3], {"DFECS": [1, 2, 3], "PCA": [2, 3, 4]}, xlabel="units", ylabel="VE (%)")
    return plotting.Figure(figure, alt=alt, caption="VE & more", data="simulated, not real")


def test_a_figure_is_one_vector_graphic_with_alt_text_caption_and_data():
    tree = ElementTree.fromstring(page().html.replace("xlink:", ""))
    (svg,) = [e for e in tree.iter() if e.tag.endswith("svg")]
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == "A curve."
    caption = "".join(tree.find("figcaption").itertext())
    assert caption == "VE & more Data: simulated, not real."


def test_text_is_text_in_the_pages_own_colour_and_nothing_is_fetched():
    html = page().html
    assert ">VE (%)</text>" in html
    assert plotting.style.INK not in html
    assert "currentColor" in html
    assert not re.search(r"(src|href)=\"(?!#)", html)


def test_two_figures_of_a_page_share_no_id():
    ids = [set(re.findall(r' id="([^"]+)"', page(alt).html)) for alt in ("One.", "Two.")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_every_reference_inside_a_figure_has_its_target():
    html = page().html
    targets = set(re.findall(r' id="([^"]+)"', html))
    assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', html)) <= targets


def test_same_figure_same_bytes():
    assert page().html == page().html


def test_a_figure_without_alt_text_is_refused():
    figure, _ = plotting.new_figure()
    with pytest.raises(DfecsError, match="alt text"):
        plotting.Figure(figure, alt=" ")


def test_a_gallery_names_each_face():
    items = []
    for k in range(3):
        figure, (ax,) = plotting.new_figure(1.6, 2)
        plotting.draw_face(ax, face())
        items.append((figure, f"Face {k}.", f"unit {k}"))
    html = plotting.Gallery(items, caption="Three.", data="none").html
    assert html.count("<svg") == 3
    assert all(f"unit {k}" in html for k in range(3))


def test_bars_codes_and_matrix_show_undefined_values_as_such():
    figure, axes = plotting.new_figure(n_columns=3)
    plotting.draw_bars(axes[0], {"DFECS": 90.0, "PCA": float("nan")}, xlabel="VE (%)", intervals={"DFECS": (85, 95)})
    plotting.draw_codes(axes[1], range(4), [[0, 1], [np.nan, 2], [1, 0], [0, 0]], xlabel="frame")
    plotting.draw_matrix(axes[2], [[1.0, np.nan]], rows=["a"], columns=["b", "c"])
    html = plotting.Figure(figure, alt="Three kinds.").html
    assert "not defined" in html
    assert "nan" not in html.lower()


def test_a_missing_value_leaves_a_gap_in_a_curve():
    _, (ax,) = plotting.new_figure()
    plotting.draw_curves(ax, range(5), {"DFECS": [1, 2, np.nan, 4, 5]}, xlabel="units", ylabel="VE (%)")
    drawn = [line.get_xdata().tolist() for line in ax.lines if len(line.get_xdata())]
    assert drawn == [[0, 1], [3, 4]]


def test_curves_differ_by_more_than_colour_and_count_in_whole_units():
    _, (ax,) = plotting.new_figure()
    values = {name: [1, 2, 3] for name in ("DFECS", "PCA", "FACS")}
    plotting.draw_curves(ax, [1, 2, 3], values, xlabel="units", ylabel="VE (%)")
    lines = [line for line in ax.lines if len(line.get_xdata())]
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in lines}
    assert len({color for color, _, _ in looks}) == len({marker for _, _, marker in looks}) == 3
    assert all(float(tick).is_integer() for tick in ax.get_xticks())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(values)


@pytest.mark.parametrize("color", sorted(plotting.COLORS.values()))
@pytest.mark.parametrize("page_color", ["#ffffff", "#121212"])
def test_every_colour_stands_out_on_light_and_dark_pages(color, page_color):
    def luminance(value: str) -> float:
        channels = [int(value[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    low, high = sorted([luminance(color), luminance(page_color)])
    assert (high + 0.05) / (low + 0.05) >= 3.0


def test_style_is_left_alone_outside():
    import matplotlib as mpl

    before = {k: v for k, v in mpl.rcParams.items() if k != "backend"}
    with plotting.use_style():
        pass
    plotting.new_figure()
    assert {k: v for k, v in mpl.rcParams.items() if k != "backend"} == before


def test_a_table_shows_its_index_rounds_and_says_what_is_missing():
    frame = pd.DataFrame({"VE": [91.26, float("nan")], "n": [3, 4]}, index=pd.Index(["DFECS", "P<A"], name="method"))
    html = plotting.Table(frame, names={"VE": "VE (%)"}, data="none").html
    cells = re.findall(r"<t[hd](?: [^>]*)?>([^<]*)<", html)
    assert cells == ["method", "VE (%)", "n", "DFECS", "91.3", "3", "P&lt;A", "–", "4"]


def test_a_figure_scrolls_before_its_text_becomes_too_small_for_a_phone() -> None:
    figure, (ax,) = plotting.new_figure(5.4, 3.0)
    ax.set_xlabel("small", fontsize=9)
    html = plotting.Figure(figure, alt="Axes.").html
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", html)]
    wide = float(re.search(r'viewBox="0 0 ([\d.]+)', html)[1])
    least = float(re.search(r"min-width:([\d.]+)px", html)[1])
    assert min(sizes) * least / wide >= 10.9
    assert html.index('class="dfecs-scroll"') < html.index("<svg")


def test_dfecs_and_the_papers_recipe_are_told_apart_by_colour() -> None:
    colors = [plotting.style.curve_color(name, 0) for name in ("DFECS", "DFECS (paper)", "PCA, any units")]
    assert len(set(colors)) == 3
    assert colors[2] == plotting.METHOD_COLORS["PCA"]
