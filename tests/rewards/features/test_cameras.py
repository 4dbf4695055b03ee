"""Pictures of several cameras at one moment, whose scores are joined."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.toys import ColourEncoder, random_colours, red_reward, red_spec
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.cli import main
from vlmrm.encoders import load_encoder
from vlmrm.errors import EncoderError, FrameError, PromptError, SpecError, VlmrmError
from vlmrm.fitting import tune
from vlmrm.frames.side_by_side import put_together
from vlmrm.rewards.features.cameras import require_shared_goal
from vlmrm.rewards.pairs import PairScorer

LEFT, RIGHT = random_colours(7, seed=1), random_colours(7, seed=2)
BOTH = put_together([LEFT, RIGHT])
NAMES = ["left", "right"]


def cameras(**said):
    return {"names": NAMES} | said


def test_a_reward_without_cameras_is_what_it_was():
    assert "cameras" not in red_spec().to_dict()
    assert red_reward().capture.side_by_side == 1
    assert red_reward().fingerprint == "colours"


def test_one_camera_scores_as_none():
    torch.testing.assert_close(red_reward(cameras={"names": ["only"]}).score(LEFT), red_reward().score(LEFT))


@pytest.mark.parametrize("join", ["mean", "lowest"])
@pytest.mark.parametrize(
    "said",
    [
        {"alpha": 0.5, "prompts": PromptSet("a pole held upright", "a pole on its cart")},
        {"head": "softmax", "prompts": PromptSet("a pole held upright", (), "a pole hanging straight down")},
        {"prompts": PromptSet("a pole held upright"), "views": {"scales": [1.0, 0.5]}},
        {"prompts": PromptSet("a pole held upright"), "over_time": {"kind": "window", "length": 3}},
    ],
    ids=["projection", "softmax", "crops", "window"],
)
def test_the_same_picture_twice_scores_as_it_does_alone(said, join, recwarn):
    encoder, frames = load_encoder("sim-xs", device="cpu"), random_colours(5).repeat_interleave(4, dim=1)
    frames = frames.repeat_interleave(4, dim=2)
    alone = RewardModel(encoder, RewardSpec(encoder="sim-xs", **said)).score_episode(frames)
    joined = RewardSpec(encoder="sim-xs", cameras=cameras(join=join), **said)
    twice = RewardModel(encoder, joined).score_episode(put_together([frames, frames]))
    torch.testing.assert_close(twice, alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("said", "join"),
    [
        ({}, lambda left, right: (left + right) / 2),
        ({"weights": {"right": 0.75, "left": 0.25}}, lambda left, right: left / 4 + 3 * right / 4),
        ({"join": "lowest"}, torch.minimum),
    ],
    ids=["mean", "weights", "lowest"],
)
def test_scores_are_joined_as_by_hand(said, join):
    expected = join(red_reward().score(LEFT), red_reward().score(RIGHT))
    torch.testing.assert_close(red_reward(cameras=cameras(**said)).score(BOTH), expected)


def test_the_lowest_is_at_most_that_of_each_camera():
    joined = red_reward(cameras=cameras(join="lowest")).score(BOTH)
    assert (joined <= red_reward().score(LEFT) + 1e-6).all()
    assert (joined <= red_reward().score(RIGHT) + 1e-6).all()


def test_a_camera_may_have_sentences_of_its_own():
    joined = red_reward(cameras=cameras(prompts={"right": "blue"}))
    columns = joined.explain(BOTH)
    torch.testing.assert_close(columns["camera left"], red_reward().score(LEFT))
    torch.testing.assert_close(columns["camera right"], red_reward(prompts=PromptSet("blue")).score(RIGHT))
    assert list(columns) == ["score", "camera left", "camera right"]


def test_baseline_and_negatives_that_a_camera_leaves_out_are_the_specs():
    spec = red_spec(prompts=PromptSet("red", "grey", "green"), alpha=0.5, cameras=cameras(prompts={"left": "blue"}))
    assert spec.cameras.every_prompts(spec.prompts) == (spec.prompts, PromptSet("blue", "grey", "green"))
    assert not spec.reads_goal


def test_what_comes_after_the_head_sees_the_joined_score():
    plain = red_reward(cameras=cameras(join="lowest")).score(BOTH)
    scaled = red_reward(cameras=cameras(join="lowest"), scaling={"subtract": 0.2, "divide": 0.5}, threshold=0.3)
    torch.testing.assert_close(scaled.score(BOTH), ((plain - 0.2) / 0.5 > 0.3).float())


def test_a_judge_sees_the_whole_frame():
    seen = []

    class Judge:
        def probabilities(self, frames):
            seen.append(tuple(frames.shape[1:]))
            return torch.full((len(frames),), 0.5)

    judge = {"model": "m", "question": "Is it?", "above": -1.0, "bonus": 2.0}
    reward = RewardModel(ColourEncoder(), red_spec(cameras=cameras(), judge=judge), Judge())
    torch.testing.assert_close(reward.score(BOTH), torch.zeros(7))  # -1 + 2 / 2
    assert reward.capture is None
    assert set(seen) == {(8, 16, 3)}


def test_all_pictures_are_read_in_one_batch_and_in_any_batch():
    reward = red_reward(cameras=cameras())
    whole = reward.score(BOTH)
    assert reward.encoder.batches == [14]
    torch.testing.assert_close(torch.cat([reward.score(BOTH[:3]), reward.score(BOTH[3:])]), whole)


def test_a_spec_survives_writing_and_its_hash_knows_every_word():
    said = [{}, {"join": "lowest"}, {"weights": {"left": 0.5, "right": 0.5}}, {"prompts": {"left": {"goal": "blue"}}}]
    specs = [red_spec(), *(red_spec(cameras=cameras(**words)) for words in said)]
    assert [RewardSpec.from_dict(spec.to_dict()) for spec in specs] == specs
    assert len({spec.hash() for spec in specs}) == 5


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"names": []}, r"names are the names of one camera or more"),
        ({"names": ["left", "left"]}, r"each once; got \['left', 'left'\]"),
        ({"join": "highest"}, r"unknown cameras.join 'highest'"),
        ({"weights": {"left": 1}}, r"cameras.weights say nothing of right. Give each of left, right one"),
        ({"weights": {"left": 0.5, "right": 0.4}}, r"cameras.weights must sum to 1; .* sum to 0.9"),
        ({"weights": {"left": 1.5, "right": -0.5}}, r"weights.right"),
        ({"weights": {"left": 0.5, "rigt": 0.5}}, r"weights name a camera 'rigt' that there is not. Near: right"),
        ({"weights": {"left": 0.5, "right": 0.5}, "join": "lowest"}, r"weights belong to a mean, and join is 'lowest'"),
        ({"prompts": {"top": "red"}}, r"prompts name a camera 'top' that there is not.*The cameras are left, right"),
        ({"prompts": "red"}, r"cameras.prompts is a table with sentences for some of the cameras"),
        ({"nams": []}, r"unknown key cameras.nams. Near: names"),
    ],
)
def test_what_cannot_be_meant_is_refused(said, message):
    with pytest.raises(SpecError, match=message):
        red_spec(cameras=cameras(**said))


def test_sentences_of_a_camera_that_are_no_reward_are_named_with_the_camera():
    with pytest.raises(PromptError, match=r"cameras\.prompts\.left: goal and baseline share a sentence"):
        red_spec(prompts=PromptSet("red", "grey"), cameras=cameras(prompts={"left": "grey"}))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"uncertainty": {"ensemble": "prompts"}, "prompts": PromptSet(["red", "blue"])}, "cameras and uncertainty"),
        ({"over_time": {"kind": "milestones"}, "prompts": PromptSet(["red", "blue"])}, "over_time milestones"),
        ({"head": "ensemble", "options": {"parts": [{"weight": 0.5}] * 2}}, "cameras and head ensemble"),
    ],
)
def test_words_about_one_picture_do_not_stand_beside_cameras(words, message):
    with pytest.raises(SpecError, match=message):
        red_spec(cameras=cameras(), **words)


def test_pairs_and_tuning_are_of_one_picture():
    reward = red_reward(cameras=cameras())
    with pytest.raises(SpecError, match="a reward with cameras: a text is compared with one picture"):
        reward.score_pairs(BOTH, ["red"])
    with pytest.raises(EncoderError, match="sees each frame as pictures of several cameras"):
        tune(reward, BOTH, [1, 0, 0, 0, 0, 0, 0], method="coop")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"cameras": cameras(join="lowest"), "scaling": {"subtract": 0.2, "divide": 0.5, "highest": 1.0}},
        {"cameras": cameras(weights={"left": 0.25, "right": 0.75}), "threshold": 0.4},
        {"head": "softmax", "prompts": PromptSet("red", (), ("green", "blue")), "alpha": None},
    ],
    ids=["mean", "lowest of a scale", "threshold", "softmax"],
)
def test_a_text_in_the_goals_place_is_joined_as_the_goal_is(said):
    """By the goal's own words every frame has its own score; by others that of a reward whose goal they are."""
    reward = red_reward(**({"cameras": cameras()} | said))
    pairs = PairScorer(ColourEncoder(), reward.spec, joins_cameras=True)
    other = reward.with_spec(replace(reward.spec, prompts=replace(reward.spec.prompts, goal=("grey",))))
    found = pairs.of_embeddings(reward.read(BOTH).embeddings, ["red", "grey"])
    torch.testing.assert_close(pairs(BOTH, ["red", "grey"]), found)
    torch.testing.assert_close(found, torch.stack([reward.score(BOTH), other.score(BOTH)], dim=1))


def test_a_text_takes_the_place_of_no_goal_where_a_camera_has_its_own():
    reward = red_reward(cameras=cameras(prompts={"left": "green"}))
    with pytest.raises(SpecError, match="left have sentences of their own"):
        PairScorer(ColourEncoder(), reward.spec, joins_cameras=True).of_embeddings(
            reward.read(BOTH).embeddings, ["red"]
        )


def test_frames_of_one_camera_are_refused():
    with pytest.raises(FrameError, match=r"are square \(8x8\)"):
        red_reward(cameras=cameras()).score(LEFT)
    with pytest.raises(VlmrmError, match="are 16 pixels wide"):
        red_reward(cameras={"names": ["a", "b", "c"]}).score(BOTH)


def test_a_goal_for_all_cameras_is_refused_where_each_has_its_own(tmp_path, capsys):
    own = {"left": PromptSet("green"), "right": PromptSet("blue")}
    spec = red_spec(encoder="sim-xs", cameras=cameras(prompts=own))
    spec.save(tmp_path / "own.json")
    np.save(tmp_path / "frames.npy", BOTH.numpy())
    path, goal = str(tmp_path / "own.json"), ("--goal", "a pole held upright")
    said = "the cameras left, right have sentences of their own, so another goal for all of them changes nothing"
    assert main(["score", path, str(tmp_path / "frames.npy"), *goal]) == 2
    assert said in capsys.readouterr().err
    assert main(["report", "cartpole/upright", "--rewards", path, *goal, "--out", str(tmp_path / "a.html")]) == 2
    assert said in capsys.readouterr().err
    require_shared_goal(replace(spec, cameras=cameras(prompts={"left": PromptSet("green")})))


def test_a_table_without_names_is_refused_with_an_example():
    with pytest.raises(SpecError, match=r'cameras\.names is missing; .* as in: names = \["front", "side"\]\.'):
        RewardSpec(encoder="sim-s", prompts=PromptSet("red"), cameras={"join": "lowest"})
