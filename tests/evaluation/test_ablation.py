"""Ablation on simulated faces, whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from dfecs_lib.baselines import PCAUnits
from dfecs_lib.evaluation import Faces, Variant, ablate, standard_variants, variant_motion
from dfecs_lib.interpretability import as_units, score_units, unit_measures
from dfecs_lib.preprocessing import preparation
from dfecs_lib.simulate import simulate


@pytest.fixture(scope="module")
def faces() -> dict[str, Faces]:
    data = {name: simulate(name) for name in ("sim-disfa", "sim-bp4d")}
    return {n: Faces(d.keypoints, d.neutral, d.truth.frontal, d.truth.action_units) for n, d in data.items()}


def test_all_steps_are_the_default_preprocessing(faces) -> None:
    data = simulate("sim-disfa")
    motion = variant_motion(data.keypoints, data.neutral, Variant("all steps"))
    np.testing.assert_allclose(motion.dropna(how="all"), preparation(data).motion, atol=1e-9)
    assert motion.attrs["scheme"] == "disfa66"


def test_every_variant_is_scored_and_the_steps_matter(faces, samples) -> None:
    weights = samples / "vonikakis_winkler_frontalization_weights.npy"
    variants = standard_variants(str(weights))
    table = ablate(variants, faces["sim-disfa"], faces, {"PCA": lambda: PCAUnits(8)}, interval=False)
    assert set(table["variant"]) == {v.name for v in variants}
    assert set(table["metric"]) >= {"ve_squared", "ve_norm", "active_units", "au_cosine", "au_correlation"}
    assert table["value"].notna().all()
    assert set(table.query("variant == 'published linear weights'")["test"]) == {"sim-disfa"}  # 49 points have no jaw
    wide = table.query("test == 'sim-disfa'").pivot(index="variant", columns="metric", values="value")
    # Head motion that is not removed is most of the motion, is easy to explain, and hides the action units.
    assert wide.loc["no preprocessing", "au_cosine"] < wide.loc["all steps", "au_cosine"]
    assert wide.loc["all steps", "au_correlation"] > 0.2


def test_measures_of_the_units_stand_beside_what_they_explain(faces) -> None:
    table = ablate(
        [Variant("all steps")],
        faces["sim-bp4d"],
        faces,
        {"PCA": _pca},
        unit_measures=unit_measures,
        interval=False,
    )
    wide = table.pivot(index="test", columns="metric", values="value")
    motion = variant_motion(faces["sim-bp4d"].keypoints, faces["sim-bp4d"].neutral, Variant("all steps"))
    scored = score_units(_pca().fit(motion.dropna(how="all")), n_null=5)
    assert set(wide.index) == set(faces)
    np.testing.assert_allclose(wide["interpretable"], 100 * scored.share.share)
    np.testing.assert_allclose(wide["likeness"], scored.table["statistic"].mean())
    np.testing.assert_allclose(wide["parts"], scored.table["locality"].mean())
    assert as_units(_pca().fit(motion.dropna(how="all"))).signed  # PCA's units must comply both ways


def test_without_weights_the_published_variant_is_left_out() -> None:
    assert "published linear weights" not in {v.name for v in standard_variants()}
    assert standard_variants()[0] == Variant("all steps")


def test_unit_of_length_does_not_matter(faces) -> None:
    """Registered or not, motion is brought to one size, so that penalties mean the same; scores of PCA stay."""
    plain = Variant("no affine registration", affine=False)
    first = ablate([Variant("all steps"), plain], faces["sim-bp4d"], {"t": faces["sim-bp4d"]}, {"P": _pca})
    alone = ablate([plain], faces["sim-bp4d"], {"t": faces["sim-bp4d"]}, {"P": _pca})
    key = ["variant", "metric"]
    both = first.merge(alone, on=[*key, "method", "test"], suffixes=("", "_alone"))
    np.testing.assert_allclose(both["value"], both["value_alone"], rtol=1e-6)


def _pca() -> PCAUnits:
    return PCAUnits(4)
