"""Searches over the form of a reward."""

import pytest
import vlmrm_envs as envs

from vlmrm.errors import SpecError
from vlmrm.rewards import RewardSpec
from vlmrm.search import LabelledParts, RewardSearch, search_rewards

TASK = envs.task("acrobot/up")


@pytest.fixture(scope="module")
def found():
    parts = LabelledParts.of_task(TASK, 60, held_out=40)
    options = RewardSearch(
        alphas=(0, 1),
        few_shot=("proker", "tip_adapter"),
        views=((1.0, 0.7),),
        encoders=("sim-xs",),
        rivals=["a double pendulum hanging down"],
    )
    return search_rewards(TASK.reward, parts, options=options)


def test_heads_alphas_few_labels_crops_and_encoders_are_tried(found):
    names = {one.name for one in found.ranked}
    for said in (
        "sim-s, alpha 1", "sim-s, softmax with rivals", "sim-s, contrast with baseline", "sim-s, proker",
        "crops of 1, 0.7, alpha 0", "sim-xs, tip_adapter", "sim-s, mean of the best two forms",
    ):  # fmt: skip
        assert said in names


def test_the_best_two_together_have_one_scale_each(found):
    (both,) = [one for one in found.ranked if one.name == "sim-s, mean of the best two forms"]
    assert [part.weight for part in both.spec.options.parts] == [0.5, 0.5]
    assert all(part.scaling is not None for part in both.spec.options.parts)


def test_what_is_fitted_is_ranked_on_frames_that_it_was_not_fitted_to(found):
    """On its own support a few-shot reward ranks nearly perfectly, which would always win."""
    (fitted,) = [one for one in found.ranked if one.name == "sim-s, proker"]
    assert fitted.search.auroc < 1
    assert len(fitted.spec.few_shot.labels) == 60


def test_the_winner_is_a_spec_that_can_be_loaded(found, tmp_path):
    found.save(tmp_path / "reward.json", take_best=True)
    assert RewardSpec.load(tmp_path / "reward.json") == found.best.spec
    assert found.best.held_out is not None


@pytest.mark.parametrize("method", ["goal_pictures", "propker"])
def test_a_method_that_cannot_be_searched_is_refused(method):
    with pytest.raises(SpecError, match=method):
        RewardSearch(few_shot=(method,))
