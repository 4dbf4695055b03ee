"""`RewardModel`: an encoder and a spec become a reward."""

import numpy as np
import pytest
import torch
import vlmrm_envs as envs

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import EncoderError, FrameError, InvisibleGoalWarning, OutOfDomainWarning, SpecError
from vlmrm.rewards import FunctionReward
from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.heads.projection import ProjectionHead, score_alphas
from vlmrm.rewards.protocols import FrameReward

RED = RewardSpec(encoder="colour", prompts=PromptSet("red", "grey"), alpha=0.5)


def frames(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)


@pytest.fixture
def reward():
    return RewardModel(ColourEncoder(), RED)


def test_score_is_the_head_on_the_embeddings(reward):
    batch = frames(5)
    encoder = ColourEncoder()
    goal, baseline = encoder.embed_texts(["red", "grey"])
    expected = ProjectionHead(goal, baseline, 0.5)(encoder.embed_frames(torch.from_numpy(batch)))
    torch.testing.assert_close(reward.score(batch), expected)
    torch.testing.assert_close(reward.score(reward.read(batch)), expected)


def test_a_reward_stays_as_it_is_and_says_what_it_is(reward):
    for name, value in (("head", None), ("spec", RED), ("encoder", ColourEncoder())):
        with pytest.raises(
            AttributeError, match=rf"{name} of a reward cannot be set; with_spec\(...\) returns another"
        ):
            setattr(reward, name, value)
    assert repr(reward) == "RewardModel('colour', head='projection', goal=('red',))"
    assert repr(FunctionReward(lambda seen: seen, name="mine")) == "FunctionReward(mine)"


def test_a_sentence_alone_a_table_and_another_head_make_a_reward():
    assert RewardModel.load("sim-xs", "a pole", device="cpu").spec.prompts == PromptSet("a pole")
    said = {"goal": "a pole held upright", "negatives": ["a pole hanging"]}
    spec = RewardModel.load("sim-xs", said, head="softmax", device="cpu").spec
    assert (spec.head, spec.prompts) == ("softmax", PromptSet("a pole held upright", negatives="a pole hanging"))


def test_how_frames_are_split_into_batches_never_changes_a_reward(reward):
    batch = frames(10)
    whole = reward.score(batch)
    for size in (1, 3, 7):
        parts = torch.cat([reward.score(batch[i : i + size]) for i in range(0, 10, size)])
        torch.testing.assert_close(parts, whole)


def test_several_sentences_count_as_the_unit_vector_in_their_middle():
    """An earlier system did not bring the mean back to unit length, and at alpha 0 it was no cosine any more."""
    encoder = ColourEncoder()
    prompts = PromptSet(["red", "green"], ["blue", "black"])
    middle = {name: sum(encoder.embed_texts(list(texts)).double()) for name, texts in vars(prompts).items() if texts}
    goal, baseline = (middle[name] / middle[name].norm() for name in ("goal", "baseline"))
    embedded = encoder.embed_frames(torch.from_numpy(frames(20))).double()
    for alpha in (0.0, 0.3, 1.0):
        reward = RewardModel(encoder, RewardSpec(encoder="colour", prompts=prompts, alpha=alpha))
        direction = (goal - baseline) / (goal - baseline).norm()
        matrix = alpha * torch.outer(direction, direction) + (1 - alpha) * torch.eye(len(direction))
        expected = 1 - 0.5 * ((embedded - goal) @ matrix).square().sum(dim=1)
        torch.testing.assert_close(reward.score(frames(20)).double(), expected, atol=1e-6, rtol=0)


def test_several_alphas_share_one_embedding(reward):
    table = score_alphas(reward, frames(4), [0.0, 0.5, 1.0])
    assert table.shape == (3, 4)
    torch.testing.assert_close(table[1], reward.score(frames(4)))


def test_without_a_baseline_only_alpha_zero_can_be_asked_for():
    cosine = RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0))
    assert score_alphas(cosine, frames(4), [0.0]).shape == (1, 4)
    with pytest.raises(SpecError, match="no baseline"):
        score_alphas(cosine, frames(4), [0.0, 0.5])


@pytest.mark.parametrize("bad", [np.zeros((2, 8, 8)), np.zeros((2, 8, 8, 4), np.uint8), None, []])
def test_what_is_no_frame_is_refused(reward, bad):
    with pytest.raises(FrameError):
        reward.score(bad)


class NanEncoder(ColourEncoder):
    """Gives NaN for frames, as fp16 does where it overflows."""

    def embed_frames(self, frames):
        return super().embed_frames(frames) * float("nan")


def test_nan_from_the_encoder_stops_here_and_not_in_the_policy():
    reward = RewardModel(NanEncoder(), RED)
    with pytest.raises(EncoderError, match="NaN or infinity for 3 of 3"):
        reward.score(frames(3))


def test_one_frame_alone_is_a_batch_of_one(reward):
    batch = frames(3)
    torch.testing.assert_close(reward.score(batch[1]), reward.score(batch)[1:2])


def test_it_is_all_that_wrappers_may_know_of_a_reward(reward):
    assert isinstance(reward, FrameReward)
    assert (reward.name, reward.fingerprint, reward.spec) == ("colour", "colours", RED)
    assert reward.capture == ColourEncoder().preprocessing


def test_a_reward_with_a_judge_takes_frames_as_they_are_drawn():
    class Judge:
        def probabilities(self, frames):
            return torch.zeros(len(frames))

    judge = {"model": "m", "question": "q", "above": 0.5}
    spec = RewardSpec(encoder="colour", prompts=PromptSet("red"), judge=judge)
    assert RewardModel(ColourEncoder(), spec, Judge()).capture is None


def test_the_fingerprint_says_how_frames_are_read_and_nothing_of_the_sentences():
    def mark(**changes):
        spec = RewardSpec(**{"encoder": "colour", "prompts": PromptSet("red"), "alpha": 0.0} | changes)
        return RewardModel(ColourEncoder(), spec).fingerprint

    assert mark() == mark(prompts=PromptSet("blue")) == mark(scaling={"divide": 2.0}) == "colours"
    assert mark(views={"scales": [1.0, 0.5]}) != mark()


def test_another_spec_shares_the_encoder(reward):
    blue = reward.with_spec(RewardSpec(encoder="colour", prompts=PromptSet("blue")))
    assert blue.encoder is reward.encoder
    assert float(blue.score(np.full((1, 8, 8, 3), (0, 0, 255), np.uint8))) == pytest.approx(1)


def test_sentences_are_embedded_once_when_the_reward_is_made():
    class Counting(ColourEncoder):
        asked = 0

        def embed_texts(self, texts):
            self.asked += len(texts)
            return super().embed_texts(texts)

    reward = RewardModel(Counting(), RED)
    assert reward.encoder.asked == 2
    reward.score(frames(3))
    reward.score_episode(frames(3))
    assert reward.encoder.asked == 2


@pytest.mark.parametrize("call", ["score", "read", "explain", "score_episode"])
def test_a_reward_without_a_goal_only_scores_pairs(call):
    pairs = RewardModel(ColourEncoder(), RewardSpec.clip_score("colour"))
    assert pairs.score_pairs(frames(2), ["red", "blue"]).shape == (2, 2)
    assert (pairs.capture, pairs.fingerprint) == (ColourEncoder().preprocessing, "colours")
    with pytest.raises(SpecError, match=r"this reward has no goal .*only score_pairs"):
        getattr(pairs, call)(frames(2))


def test_a_spec_comes_from_a_file_as_well(tmp_path):
    spec = RewardSpec(encoder="sim-xs", prompts=PromptSet("a pole", "a cart"))
    spec.save(tmp_path / "reward.json")
    batch = envs.labelled_frames("cartpole/upright", 2, seed=0, size_px=64).frames
    loaded = RewardModel.from_spec(tmp_path / "reward.json", device="cpu", precision="fp32")
    assert loaded.spec == spec
    torch.testing.assert_close(loaded.score(batch), RewardModel(loaded.encoder, spec).score(batch))


def test_a_goal_that_no_picture_can_show_gives_a_warning():
    class KnowsVirtue(ColourEncoder):
        def embed_texts(self, texts):
            return super().embed_texts(["red"] * len(texts))

    spec = RewardSpec(encoder="colour", prompts=PromptSet("a good state"), alpha=0.0)
    with pytest.warns(InvisibleGoalWarning, match="a good state"):
        RewardModel(KnowsVirtue(), spec)


def test_words_and_frames_that_a_small_model_never_saw_give_a_warning():
    with pytest.warns(OutOfDomainWarning, match="'zebra' is in no sentence"):
        reward = RewardModel.load("sim-xs", PromptSet("a zebra on the cart"), device="cpu")
    noise = np.random.default_rng(0).integers(0, 256, (4, 96, 96, 3), dtype=np.uint8)
    with pytest.warns(OutOfDomainWarning, match="frames look like nothing"):
        reward.score(noise)


def test_explain_takes_frames_or_what_was_read_of_them(reward):
    batch = frames(4)
    for seen in (batch, reward.read(batch)):
        columns = reward.explain(seen)
        assert list(columns) == ["score"]
        torch.testing.assert_close(columns["score"], reward.score(batch))


def test_a_deviation_that_nobody_knows_is_not_given(reward):
    assert "std" not in reward.explain(frames(2))
    with pytest.raises(SpecError, match="nothing is known of how unsure this reward is"):
        reward.score_with_std(frames(2))


def test_features_are_read_in_parts_and_joined(reward):
    batch = frames(5)
    seen = FrameFeatures.join([reward.read(batch[:2]), reward.read(batch[2:])])
    assert torch.equal(reward.score(seen), reward.score(reward.read(batch)))
    assert reward.encoder.batches == [2, 3, 5]
