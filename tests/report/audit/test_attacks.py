"""Attacks on pixels, of a small built-in model, and of rewards that let no gradient pass."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.judges.tiny_llava import QUESTION, processor, tiny_llava
from tests.report.audit.audits import TASK, red_frames
from tests.report.test_evaluation import reds
from tests.toys import red_function, red_reward
from vlmrm.data.labelled import GivenFrames
from vlmrm.data.task_frames import TaskStates
from vlmrm.errors import SpecError
from vlmrm.frames.pixel_attack import AttackOptions, attack_pixels, noisy_pixels
from vlmrm.frames.side_by_side import put_together
from vlmrm.judges import YesNoJudge
from vlmrm.report.audit import PROBES, audit
from vlmrm.report.audit.attacking import ATTACKED, attempts, unpaid_frames
from vlmrm.report.audit.audited import gather
from vlmrm.report.evaluation import source_of
from vlmrm.report.pixel_gradients import score_of_levels
from vlmrm.report.scorers import Encoders, scorer_of
from vlmrm.rewards import RewardModel
from vlmrm.rewards.features.cameras import CamerasOptions
from vlmrm.rewards.features.views import ViewsOptions

ATTACKS = ["pixel_attack", "goal_look_alike", "borrowed_attack"]
SMALL = replace(TASK.reward, encoder="sim-xs")


@pytest.fixture(scope="module")
def small():
    """The task's reward of the smallest model, with its frames."""
    return gather(scorer_of(SMALL, Encoders()), source_of(TaskStates(task=TASK, n=120)))


@pytest.fixture(scope="module")
def judged(small):
    """The same reward with a scale, and a tiny model of random weights that is asked about a third of the frames."""
    judge = YesNoJudge(tiny_llava(), processor(), QUESTION, name="tiny")
    options = {"model": "tiny", "question": QUESTION, "above": 0.6, "bonus": 2.0}
    return RewardModel(small.reward.encoder, replace(SMALL, judge=options, scaling={"divide": 0.5}), judge)


def test_the_score_of_levels_is_the_score_of_frames(small):
    """Whole levels take the very path of bytes, so that what is raised is what is paid."""
    found = score_of_levels(small.reward)(small.labels.frames[:20].float())
    np.testing.assert_allclose(found.detach().numpy(), small.scores[:20], atol=1e-6)


def test_of_a_reward_with_a_threshold_the_score_before_it_is_raised(small):
    binary = RewardModel(small.reward.encoder, replace(SMALL, threshold=0.5))
    levels = small.labels.frames[:5].float()
    assert torch.equal(score_of_levels(binary)(levels), score_of_levels(small.reward)(levels))


def test_attacked_frames_show_no_goal_and_are_not_paid(small):
    unpaid = unpaid_frames(small)
    assert len(unpaid.labels) == len(set(unpaid.labels.groups)) <= ATTACKED
    assert not unpaid.labels.in_goal.any()
    assert (unpaid.scores <= unpaid.threshold).all()
    passing = (small.scores[~small.labels.in_goal] > unpaid.threshold).mean()
    assert passing <= 0.05


def test_an_attack_raises_scores_far_more_than_noise_of_its_size(small):
    unpaid, score = unpaid_frames(small), score_of_levels(small.reward)
    frames = unpaid.labels.frames
    attack = attempts(small, unpaid, lambda frames, options: attack_pixels(frames, score, options))
    noise = attempts(small, unpaid, lambda frames, options: frames)  # an attack that does nothing
    for budget, found, idle in zip((2, 4), attack, noise, strict=True):
        assert found.budget == budget
        assert int((found.pictures.int() - frames.int()).abs().max()) == budget
        assert (found.scores >= unpaid.scores - 1e-6).all()
        assert idle.paid.value == idle.way == 0
        assert found.by_noise == idle.by_noise == 0
        assert found.way > 0.01
    assert attack[1].way > attack[0].way


def test_all_attacks_of_a_built_in_reward_are_answered_and_none_fails(small):
    found = {name: PROBES.named(name).run(small) for name in ATTACKS}
    assert {PROBES.named(name).family for name in ATTACKS} == {"attacks"}
    assert {one.verdict for one in found.values()} <= {"pass", "warn"}
    assert all(one.effect.known for one in found.values())
    assert "raise the score of sim-m" in found["borrowed_attack"].says


def test_a_threshold_in_the_spec_is_the_one_to_pass(small):
    """The attack does not see that such a reward pays 0 and 1, and gets as many frames over the same threshold."""
    unpaid = unpaid_frames(small)
    binary = audit(replace(SMALL, threshold=unpaid.threshold), small.labels, probes=["pixel_attack"])
    found, graded = binary.finding("pixel_attack"), PROBES.named("pixel_attack").run(small)
    assert "the reward's own threshold" in found.says
    assert found.effect == graded.effect


def test_rewards_without_gradients_are_left_out_and_say_why():
    own_encoder = audit(red_reward(), red_frames(), probes=ATTACKS)
    function = audit(red_function(), red_frames(), probes=ATTACKS)
    assert {one.finding.verdict for one in (*own_encoder.answered, *function.answered)} == {"left out"}
    assert "through a model of OpenCLIP; colour is another" in own_encoder.finding("pixel_attack").says
    assert "through a model of OpenCLIP; red is another" in function.finding("goal_look_alike").says
    assert "no second built-in model of what" in own_encoder.finding("borrowed_attack").says
    assert "no sentence" in function.finding("borrowed_attack").says


def test_words_that_let_no_gradient_pass_are_named(small):
    cropped = replace(SMALL, views=ViewsOptions(scales=(1.0, 0.6)))
    with pytest.raises(SpecError, match="no gradient reaches the pixels through views"):
        score_of_levels(RewardModel(small.reward.encoder, cropped))


def test_the_pictures_of_several_cameras_are_attacked_together(small):
    """The score of levels is that of the joined frames, and the lowest of two pictures is raised by the lower one."""
    joined = replace(SMALL, cameras=CamerasOptions(names=("left", "right"), join="lowest"))
    reward = RewardModel(small.reward.encoder, joined)
    frames = put_together([small.labels.frames, small.labels.frames.flip(0)])
    found = score_of_levels(reward)(frames[:20].float())
    torch.testing.assert_close(found.detach(), reward.score(frames[:20]), atol=1e-6, rtol=0)
    moved = attack_pixels(frames[:4], score_of_levels(reward), AttackOptions(steps=3))
    assert (reward.score(moved) > reward.score(frames[:4])).all()


def test_attacks_say_of_a_picture_twice_what_they_say_of_it_alone(small):
    twice = replace(small.labels, frames=put_together([small.labels.frames] * 2))
    joined = RewardModel(small.reward.encoder, replace(SMALL, cameras=CamerasOptions(names=("left", "right"))))
    found = audit(joined, twice, probes=ATTACKS)
    alone = audit(small.reward, small.labels, probes=ATTACKS)
    for name in ATTACKS:
        assert found.finding(name).effect.known
        assert found.finding(name).effect.value == pytest.approx(alone.finding(name).effect.value, abs=0.2)


def test_the_score_of_levels_asks_the_judge_where_the_reward_does(small, judged):
    """The judge resizes levels, and bytes in the reward: its log-odds are 0.02 apart at most."""
    frames = small.labels.frames[::10]
    scores = score_of_levels(judged)(frames.float()).detach()
    asked = judged.explain(frames)["judge"] > 0
    assert 0 < asked.sum() < 12
    torch.testing.assert_close(scores, judged.score(frames), atol=0.02, rtol=0)
    torch.testing.assert_close(scores[~asked], 2 * (small.reward.score(frames)[~asked] + 0.6), atol=1e-5, rtol=0)


def test_an_attack_goes_through_the_answer_of_a_judge(small, judged):
    """Frames that the judge is asked about are paid more by its answer alone; noise of the size moves that less."""
    asked = np.flatnonzero(small.scores > 0.1)[:3]  # and 0.6 taken off: far above what asks the judge
    frames, options = small.labels.frames[asked], AttackOptions(budget=4, steps=4)
    before, noisy = judged.judged.judge.log_odds(frames), judged.judged.judge.log_odds(noisy_pixels(frames, options))
    after = judged.judged.judge.log_odds(attack_pixels(frames, score_of_levels(judged), options))
    assert (after > before).all()
    assert (after - before).mean() > 3 * (noisy - before).abs().mean()


def test_the_probe_attacks_a_reward_with_a_judge(small, judged, monkeypatch):
    monkeypatch.setattr("vlmrm.report.audit.attacking.ATTACKED", 2)
    found = audit(judged, small.labels.take(small.some[::4]), probes=["pixel_attack"]).finding("pixel_attack")
    assert found.verdict in {"pass", "warn"}
    assert "of 2 other frames" in found.says


def test_a_judge_without_gradients_is_named(small, judged):
    class Sure:
        def probabilities(self, frames):
            return torch.ones(len(frames))

    with pytest.raises(SpecError, match="through Sure, the judge of the spec: it has no log_odds_of_pixels"):
        score_of_levels(RewardModel(small.reward.encoder, judged.spec, Sure()))


def test_frames_at_the_lowest_score_are_not_paid():
    """39 of 40 other frames share the lowest score, which is then the threshold that 5 % of them pass."""
    frames = reds([0.9] * 10 + [0.1] * 39 + [0.8], [True] * 10 + [False] * 40)
    audited = gather(scorer_of(red_function(), Encoders()), GivenFrames(frames=frames))
    assert unpaid_frames(audited).threshold == audited.scores.min()
    assert len(unpaid_frames(audited).labels) == ATTACKED
