"""Signed sentences: who signs what is in the files' names, in either of their forms."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dfecs_lib.data.readers import parse_krsl_name
from dfecs_lib.errors import DfecsError


@pytest.mark.parametrize(
    ("stem", "signer", "recording"),
    [
        ("s1_polar_dom", "s1", "polar_dom"),
        ("s7_statement_ucs", "s7", "statement_uch"),
        ("gen_q-neut-dom.postroili-X", "x", "polar_dom"),
        ("part_q_neut_mama.ust_mira", "mira", "wh_mam"),
        ("part_q-neut-devupala-Gul", "gul", "wh_dev"),
        ("st_neut_dev.upala_mir", "mira", "statement_dev"),
        ("utv-neut-devupala-g", "gul", "statement_dev"),
    ],
)
def test_names_in_both_forms(stem: str, signer: str, recording: str) -> None:
    name = parse_krsl_name(stem)
    assert (name.signer, name.recording) == (signer, recording)


@pytest.mark.parametrize("stem", ["s1_polar", "s1_shout_dom", "s1_polar_xyz", "words", "gen_q-surp-dom.postroili-x"])
def test_other_names_are_refused(stem: str) -> None:
    with pytest.raises(DfecsError, match="does not name a signer"):
        parse_krsl_name(stem)


def test_a_folder_of_signed_sentences(load, samples: Path, tmp_path: Path) -> None:
    root = tmp_path / "of_output"
    root.mkdir()
    raw = pd.read_csv(samples / "openface_sample.csv")
    raw.to_csv(root / "gen_q-neut-dom.postroili-x.csv", index=False)
    raw.iloc[:30].to_csv(root / "utv-neut-dom.postroili-x.csv", index=False)
    raw.iloc[:20].to_csv(root / "s1_wh_okn.csv", index=False)
    (root / "readme.csv").write_text("a,b\n")
    data = load("krsl", root)
    keys = data.keypoints.index.droplevel("frame").unique().tolist()
    assert keys == [("krsl", "s1", "wh_okn"), ("krsl", "x", "polar_dom"), ("krsl", "x", "statement_dom")]
    assert len(data.keypoints.xs("wh_okn", level="recording")) == 20
    assert "readme.csv was left out" in str(data.report)
