"""Rewards whose spec names a judge: who is asked, what is paid, and what a judge cannot stand beside."""

import json

import gymnasium as gym
import numpy as np
import pytest
import torch

from tests.toys import ColourEncoder, CountingEnv
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.cli import main
from vlmrm.errors import PairingError, SpecError
from vlmrm.fitting import calibrate, fit, standardize
from vlmrm.judges import YesNoJudge
from vlmrm.rewards.transforms.judge import JudgeOptions
from vlmrm.training.acting import RandomPolicy
from vlmrm.training.record import record_episode
from vlmrm.wrappers import CaptureFrame, VLMReward

QUESTION = "Is there any blue?"
JUDGE = {"model": "toy", "question": QUESTION, "above": 0.5, "bonus": 2.0}


class BlueJudge:
    """As sure as the frame is blue; notes how large the frames were that it saw."""

    def __init__(self):
        self.sizes = []

    def probabilities(self, frames):
        self.sizes += [tuple(frame.shape[:2]) for frame in frames]
        return frames[:, 0, 0, 2].float() / 255


def spec(**changes):
    return RewardSpec(**{"encoder": "colour", "prompts": PromptSet("red"), "alpha": 0.0, "judge": JUDGE} | changes)


def judged(**changes):
    return RewardModel(ColourEncoder(), spec(**changes), BlueJudge())


def shown(*colours, size=8):
    return torch.tensor(colours, dtype=torch.uint8)[:, None, None].expand(-1, size, size, 3)


FRAMES = shown((0, 255, 0), (255, 0, 0), (200, 0, 153), (40, 0, 255))  # share of red: 0, 1, 0.79, 0.16


def test_a_high_score_is_worth_no_more_than_the_judge_says():
    cheap, reward = RewardModel(ColourEncoder(), spec(judge=None)), judged()
    low, high, mixed, blue = reward.score(FRAMES).tolist()
    assert [low, blue] == pytest.approx(cheap.score(FRAMES)[[0, 3]].tolist())
    assert high == pytest.approx(0.5)  # all red, and no blue at all
    assert mixed == pytest.approx(0.5 + 2.0 * 153 / 255)
    assert (reward.judged.asked, reward.judged.seen) == (2, 4)


def test_embedding_frames_asks_no_judge():
    reward = judged()
    assert torch.equal(reward.embed(FRAMES), reward.read(FRAMES).embeddings)
    assert (reward.judged.asked, reward.judged.seen) == (2, 4)  # by `read` alone


def test_scaling_and_threshold_stand_around_the_judge():
    plain = judged().score(FRAMES)
    scaled = judged(scaling={"subtract": 0.5, "divide": 0.25})
    torch.testing.assert_close(scaled.score(FRAMES), (plain - 0.5) / 0.25)
    assert judged(threshold=1.0).score(FRAMES).tolist() == [0, 0, 1, 0]
    assert judged(scaling={"divide": 2.0}, threshold=0.5).score(FRAMES).tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("over_time", [None, {"kind": "difference"}, {"kind": "shaping", "gamma": 0.9}])
def test_steps_are_rewarded_by_what_the_judge_left_of_the_scores_and_no_later_frame_counts(over_time):
    reward = judged(over_time=over_time)
    scores = judged().score(FRAMES)
    by_hand = {None: scores[1:], "difference": scores.diff(), "shaping": 0.9 * scores[1:] - scores[:-1]}
    whole = reward.score_episode(FRAMES)
    torch.testing.assert_close(whole, by_hand[over_time and over_time["kind"]])
    torch.testing.assert_close(reward.score_episode(FRAMES[:3]), whole[:2])
    stream = reward.stream(1)
    stream.begin(reward.read(FRAMES[:1]))
    steps = [stream.step(reward.read(frame[None]), torch.tensor([False])) for frame in FRAMES[1:]]
    torch.testing.assert_close(torch.cat(steps), whole)


def test_explain_has_the_judges_word_and_the_score_that_is_left():
    columns = judged().explain(FRAMES)
    assert list(columns) == ["score", "judge"]
    assert columns["judge"].tolist() == pytest.approx([0, 0, 153 / 255, 0])  # the last two are not red enough to ask
    assert torch.equal(columns["score"], judged().score(FRAMES))


def test_it_comes_out_of_a_file_and_a_spec_without_a_bonus_has_one(tmp_path):
    path = tmp_path / "reward.toml"
    path.write_text(
        'encoder = "colour"\nalpha = 0.0\nprompts = { goal = "red" }\n'
        f'judge = {{ model = "toy", question = "{QUESTION}", above = 0.5 }}\n'
    )
    loaded = RewardSpec.load(path)
    assert loaded.judge == JudgeOptions(model="toy", question=QUESTION, above=0.5)
    assert loaded.judge.bonus == 1.0
    loaded.save(tmp_path / "reward.json")
    assert RewardSpec.load(tmp_path / "reward.json") == loaded
    assert loaded.hash() not in {spec().hash(), spec(judge=None).hash()}
    reward = RewardModel(ColourEncoder(), loaded, BlueJudge())
    assert float(reward.score(FRAMES)[2]) == pytest.approx(0.5 + 153 / 255)


def test_fitting_anew_leaves_the_judge_out_and_calibrating_keeps_it():
    reward = judged()
    assert fit(reward, FRAMES, [0, 1, 1, 0]).spec.judge is None  # `above` was a score of the sentences alone
    binary = calibrate(reward, FRAMES, [0, 0, 1, 0], false_positives=0.0)
    assert binary.spec.judge == reward.spec.judge
    assert binary.score(FRAMES).tolist() == [0, 0, 1, 0]
    assert standardize(reward, FRAMES).score(FRAMES).mean().item() == pytest.approx(0, abs=1e-6)


def test_a_wrapper_lets_the_judge_see_frames_as_they_are_drawn():
    class Large(CountingEnv):
        def render(self):
            return np.kron(super().render(), np.ones((4, 4, 1), np.uint8))

    reward = judged(judge=JUDGE | {"above": -1.0})
    env = VLMReward(Large(), reward)
    env.reset(seed=0)
    *_, info = env.step(env.action_space.sample())
    drawn = info["frame"].shape[:2]
    assert drawn > (reward.encoder.size_px,) * 2
    assert set(reward.judged.judge.sizes) == {drawn}

    with pytest.raises(PairingError, match="the judge of this reward looks at frames as they were drawn"):
        VLMReward(CaptureFrame(Large(), reward.encoder.preprocessing), reward)


def test_videos_are_scored_on_frames_as_training_saw_them():
    class Large(CountingEnv):
        def render(self):
            return np.kron(super().render(), np.ones((4, 4, 1), np.uint8))

    reward = judged(judge=JUDGE | {"above": -1.0})
    policy = RandomPolicy(Large().action_space, seed=0)
    record_episode(policy, lambda: CaptureFrame(Large()), seed=0, reward=reward)
    assert set(reward.judged.judge.sizes) == {Large().render().shape[:2]}


@pytest.mark.filterwarnings("ignore::vlmrm.errors.OutOfDomainWarning")
def test_pictures_are_fitted_as_an_agent_would_show_them(tmp_path, monkeypatch, capsys):
    judge = BlueJudge()
    monkeypatch.setattr(YesNoJudge, "load", lambda *args, **options: judge)
    (tmp_path / "reward.json").write_text(
        json.dumps({"encoder": "sim-xs", "alpha": 0.0, "prompts": {"goal": "a cart"}, "judge": JUDGE | {"above": -1.0}})
    )
    np.save(tmp_path / "frames.npy", np.full((4, 40, 60, 3), 200, np.uint8))
    fit = ["fit", str(tmp_path / "reward.json"), "--negatives", str(tmp_path / "frames.npy")]
    assert main([*fit, "--out", str(tmp_path / "binary.json")]) == 0
    assert set(judge.sizes) == {(40, 60)}
    capsys.readouterr()
    judge.sizes.clear()
    (tmp_path / "steps.json").write_text(
        json.dumps(json.loads((tmp_path / "reward.json").read_text()) | {"over_time": {"kind": "difference"}})
    )
    assert main(["score", str(tmp_path / "steps.json"), str(tmp_path / "frames.npy")]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["frame", "score", "judge", "reward"]
    assert len(judge.sizes) == 4  # once a frame


def test_a_judge_that_is_not_asked_for_is_refused():
    with pytest.raises(SpecError, match=r"does not say above which score"):
        RewardModel(ColourEncoder(), spec(judge=None), BlueJudge())


def test_another_question_goes_to_the_same_model(monkeypatch):
    class Model(YesNoJudge):
        def __init__(self, question):
            self.question = question

        def asking(self, question):
            return Model(question)

    monkeypatch.setattr(YesNoJudge, "load", lambda *args, **options: pytest.fail("it was loaded again"))
    reward = RewardModel(ColourEncoder(), spec(), Model(QUESTION))
    other = reward.with_spec(spec(judge=JUDGE | {"question": "Is it red?"}))
    assert other.judged.judge.question == "Is it red?"
    assert reward.with_spec(spec(threshold=0.5)).judged.judge is reward.judged.judge


def test_standardizing_the_parts_of_an_ensemble_leaves_the_judge_out():
    parts = [{"weight": 0.5, "alpha": 0.0}, {"weight": 0.5, "alpha": 0.0, "prompts": {"goal": "blue"}}]
    reward = judged(head="ensemble", options={"parts": parts})
    assert standardize(reward, FRAMES).spec.judge is None


def test_gymnasium_builds_it_again_only_with_a_judge_that_can_be_loaded():
    env = VLMReward(CountingEnv(), judged())
    assert isinstance(env, gym.Env)
    assert env._saved_kwargs["reward"]["judge"] == JUDGE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"judge": {"model": "a/b", "question": "q"}}, r"judge.above is missing"),
        ({"judge": JUDGE | {"abve": 1}}, r"unknown key judge.abve. Near: above"),
        ({"judge": JUDGE | {"bonus": 0}}, r"judge.bonus must be above 0"),
        ({"judge": JUDGE | {"question": " "}}, r"judge.question of a judge is a text"),
        (
            {"over_time": {"kind": "window", "length": 2}},
            r"judge and over_time window do not go together: .*single frames",
        ),
        ({"over_time": {"kind": "clip"}}, r"judge and over_time clip do not go together: .*single frames"),
        (
            {"uncertainty": {"ensemble": "prompts"}, "prompts": PromptSet(["red", "blue"])},
            r"judge and uncertainty do not go together: .*single frames of one score",
        ),
        (
            {"over_time": {"kind": "milestones"}, "prompts": PromptSet(["red", "blue"])},
            r"over_time and judge do not go together: each milestone has a probability of its own",
        ),
        (
            {"head": "ensemble", "options": {"parts": [{"weight": 0.5, "judge": JUDGE}, {"weight": 0.5}]}},
            r"unknown key options.parts.0.judge",
        ),
    ],
)
def test_a_judge_that_cannot_be_meant_is_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        spec(**changes)
