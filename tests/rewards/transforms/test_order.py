"""Transforms apply in one order, in whichever order a spec says them."""

import itertools

import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.fitting import fit
from vlmrm.rewards.build import build_reward
from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.score import Score
from vlmrm.rewards.transforms import ORDER
from vlmrm.rewards.transforms.few_shot.kernel import KernelCorrection
from vlmrm.rewards.transforms.judge import Gate
from vlmrm.rewards.transforms.scaling import Scale
from vlmrm.rewards.transforms.threshold import Threshold
from vlmrm.rewards.transforms.uncertainty.pessimism import Pessimism

GOALS = PromptSet(["red", "green"])
JUDGE = {"model": "toy", "question": "Is there any blue?", "above": 0.45, "bonus": 0.5}
SCALING = {"subtract": 0.4, "divide": 0.5, "highest": 0.9}


class BlueJudge:
    def probabilities(self, frames):
        return frames[:, 0, 0, 2].float() / 255


def shown(*colours):
    return torch.tensor(colours, dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)


FRAMES = shown((255, 0, 0), (0, 255, 0), (180, 180, 0), (120, 120, 160), (0, 0, 255), (90, 0, 90))


def model(**words):
    judge = BlueJudge() if "judge" in words else None
    return RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=GOALS, alpha=0.0, **words), judge)


LABELLED = fit(model(), FRAMES, [1, 0, 1, 1, 0, 0]).spec.few_shot
WITH_JUDGE = {"few_shot": LABELLED, "judge": JUDGE, "scaling": SCALING, "threshold": 0.3}
UNSURE = {
    "few_shot": LABELLED,
    "uncertainty": {"ensemble": "prompts", "kappa": 0.5},
    "scaling": SCALING,
    "threshold": 0.1,
}


@pytest.mark.parametrize("words", [WITH_JUDGE, UNSURE], ids=["judge", "uncertainty"])
def test_a_spec_says_its_transforms_in_the_order_in_which_they_apply(words):
    for said in itertools.permutations(words):
        spec = model(**{word: words[word] for word in said}).spec
        assert list(spec.transforms()) == [word for word in ORDER if word in words]


def test_views_stand_in_front_of_all_of_them():
    assert list(model(threshold=0.5, views={"scales": [1.0, 0.5]}).spec.transforms()) == ["views", "threshold"]


def test_the_score_is_built_of_them_in_that_order():
    for words, kinds in (
        (WITH_JUDGE, [KernelCorrection, Gate, Scale, Threshold]),
        (UNSURE, [KernelCorrection, Pessimism, Scale, Threshold]),
    ):
        spec = model(**words).spec
        judge = BlueJudge() if spec.judge else None
        transforms = build_reward(ColourEncoder(), spec, judge).context.score.transforms
        assert [type(transform) for transform in transforms] == kinds


def test_a_judge_is_asked_above_the_corrected_score_and_scale_and_threshold_follow():
    corrected = model(few_shot=LABELLED).score(FRAMES)
    asked = corrected > 0.45
    assert 0 < int(asked.sum()) < len(FRAMES)
    gated = torch.where(asked, 0.45 + 0.5 * FRAMES[:, 0, 0, 2] / 255, corrected)
    scaled = ((gated - 0.4) / 0.5).clamp(max=0.9)
    paid = (scaled > 0.3).float()
    assert 0 < int(paid.sum()) < len(FRAMES)
    reward = model(**WITH_JUDGE)
    without_threshold = reward.with_spec(reward.spec.before("threshold"))
    torch.testing.assert_close(without_threshold.score(FRAMES), scaled)
    torch.testing.assert_close(reward.score(FRAMES), paid)
    assert reward.judged.asked == int(asked.sum())


def test_what_is_unsure_is_taken_off_the_corrected_score_before_it_is_scaled():
    encoder, spec = ColourEncoder(), model(few_shot=LABELLED).spec
    corrected = model(few_shot=LABELLED).score(FRAMES)
    members = []
    for goal in ("red", "green"):  # each alone, corrected by the same frames
        alone = RewardSpec(encoder="colour", prompts=PromptSet(goal), alpha=0.0, few_shot=spec.few_shot)
        members.append(RewardModel(encoder, alone).score(FRAMES))
    std = torch.stack(members).std(dim=0)
    scaled = ((corrected - 0.5 * std - 0.4) / 0.5).clamp(max=0.9)
    reward = model(**UNSURE)
    without_threshold = reward.with_spec(reward.spec.before("threshold"))
    torch.testing.assert_close(without_threshold.score(FRAMES), scaled)
    torch.testing.assert_close(reward.score(FRAMES), (scaled > 0.1).float())
    torch.testing.assert_close(without_threshold.score_with_std(FRAMES)[1], std / 0.5)


def test_a_score_passes_its_transforms_one_after_the_other():
    seen = FrameFeatures(embeddings=torch.tensor([[1.0], [3.0]]))
    score = Score(lambda embeddings: embeddings[:, 0]).then(Scale(subtract=1.0, divide=2.0)).then(Threshold(0.5))
    assert score(seen).tolist() == [0, 1]
    other = Score(lambda embeddings: embeddings[:, 0]).then(Threshold(0.5)).then(Scale(subtract=1.0, divide=2.0))
    assert other(seen).tolist() == [0, 0]
