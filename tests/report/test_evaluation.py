"""Reports of real rewards on real frames, and of toy rewards whose every number is known."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
import vlmrm_envs as envs

from tests.toys import SIZE_PX, red_reward
from vlmrm.data.labelled import GivenFrames, LabelledFrames
from vlmrm.data.task_frames import TaskStates
from vlmrm.errors import FrameError, SpecError, StillFramesWarning
from vlmrm.metrics import auroc
from vlmrm.prompts import PromptSet
from vlmrm.report import evaluate
from vlmrm.report.scorers import BASELINE, NONSENSE, UNTRAINED
from vlmrm.report.verdict import best_control
from vlmrm.rewards import FunctionReward, RewardModel, RewardSpec

TASK = envs.task("pendulum/upright")
CONTROLS = {*(f"“{sentence}”" for sentence in NONSENSE), BASELINE, UNTRAINED}


@pytest.fixture(scope="module", autouse=True)
def one_episode():
    """A random policy plays once, which costs a third and asks nothing less of the code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vlmrm.report.encounters._STEPS", 1)
        patch.setattr("vlmrm.report.encounters._EPISODES", 1)
        yield


@pytest.fixture(scope="module")
def report(one_episode):
    """Two alphas of a task's own reward, and the same upside down, with all controls."""
    right = RewardModel.from_spec(replace(TASK.reward, scaling=None))
    upside_down = FunctionReward(lambda frames: -right.score(frames), name="upside down")
    upside_down.capture = right.capture  # so that the states are drawn once for both
    rewards = {"sim-s": right, "upside down": upside_down}
    return evaluate(rewards, TaskStates(task=TASK, n=320, seed=0), alphas=(0.0, 0.5))


def reds(shares, in_goal, **words):
    """Frames of one shade of red each, 0 to 1."""
    frames = torch.zeros(len(shares), SIZE_PX, SIZE_PX, 3, dtype=torch.uint8)
    frames[..., 0] = (255 * torch.tensor(shares)).round().to(torch.uint8)[:, None, None]
    names = [f"frame {i}" for i in range(len(shares))]
    return LabelledFrames(frames=frames, in_goal=np.array(in_goal), names=names, **words)


def test_the_best_reward_comes_first_and_the_worst_last(report):
    assert [entry.name for entry in report.entries][-1] == "upside down"
    assert report.best.name.startswith("sim-s, alpha")
    assert report.best.verdict.word == "good"
    assert report.entries[-1].verdict.word == "useless"
    assert "upside down" in report.entries[-1].verdict.reasons[0]
    assert report.headline == f"Of 3 rewards on pendulum/upright, {report.best.name} is the best: it is good."


def test_its_numbers_are_those_of_the_rewards_themselves(report):
    source = TaskStates(task=TASK, n=320, seed=0)
    reward = RewardModel.from_spec(replace(TASK.reward, scaling=None, alpha=0.5))
    frames = LabelledFrames.join(list(source.batches(reward.capture)))
    scores = reward.score(frames.frames).numpy()
    np.testing.assert_allclose(report.scored.scores["sim-s, alpha 0.5"], scores, atol=1e-6)
    (entry,) = [entry for entry in report.entries if entry.name == "sim-s, alpha 0.5"]
    assert entry.evidence.measures.auroc.value == auroc(scores, frames.in_goal)


def test_each_model_embeds_each_frame_once_whatever_the_number_of_alphas_and_controls(report):
    assert report.scored.embedded == {"sim-s": 320, "random:sim-s": 320, "upside down": 320}


def test_controls_stand_beside_every_reward_that_has_a_sentence(report):
    for entry in report.entries:
        names = {control.name for control in entry.evidence.measures.controls}
        assert names == (set() if entry.name == "upside down" else CONTROLS)
    (upside_down,) = [entry for entry in report.entries if entry.name == "upside down"]
    assert set(upside_down.evidence.candidate.without) == {"other sentences", BASELINE, UNTRAINED}
    assert any("Controls that could not be made" in remark for remark in report.remarks)


def test_the_gain_over_a_control_is_the_difference_of_both(report):
    measures = report.best.evidence.measures
    control = best_control(measures)
    assert control.gain.value == pytest.approx(measures.auroc.value - control.auroc.value)


def test_a_sentence_about_something_else_is_useless_on_the_same_frames():
    zebra = replace(TASK.reward, scaling=None, alpha=0.0, prompts=PromptSet("a lighthouse above the cliffs"))
    report = evaluate(zebra, TaskStates(task=TASK, n=60, seed=0), controls=False)
    assert report.best.verdict.word == "useless"
    (about,) = [answer for answer in report.best.answers if "about this scene" in answer.question]
    assert about.level == "care"
    assert any("cannot know what 'a lighthouse above the cliffs' means" in remark for remark in report.remarks)


def test_questions_are_answered_with_numbers(report):
    answers = {answer.question: answer for answer in report.best.answers}
    assert "inside the bounds" in answers["Does the reward peak where I want it?"].answer
    assert answers["Would it pay for staying alive?"].level == "fine"
    moves = answers["Does it move enough to learn from?"].answer
    assert moves.startswith("Yes. In a random policy's episodes it moves by")
    assert "within an episode the signal is" in moves
    assert "a black picture" in answers["What does it pay for nothing?"].answer


def test_the_frames_that_fool_it_are_the_highest_failures_and_the_lowest_successes(report):
    scored = report.scored
    scores, in_goal = scored.scores[report.best.name], scored.labels.in_goal
    paid, missed = report.best.fooling.paid, report.best.fooling.missed
    assert paid[0].score == pytest.approx(scores[~in_goal].max())
    assert missed[0].score == pytest.approx(scores[in_goal].min())
    assert scored.labels.names[int(np.argmax(np.where(in_goal, -9, scores)))] == paid[0].name


def test_pages_and_numbers_are_saved_side_by_side(report, tmp_path):
    page = report.save(tmp_path / "report.html")
    text = page.read_text()
    assert page.stat().st_size < 3_000_000
    assert "Does it take one goal for another?" in text
    assert "<h3>At each success bound</h3>" in text
    assert text.count('src="data:video/mp4;base64,') == 1  # what a random policy is paid, by the best reward
    assert "http://" not in text.replace("http://www.w3.org", "")
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert numbers["headline"] == report.headline
    assert numbers["frames"] == 320
    assert numbers["goals"]["names"] == ["pendulum/upright", "pendulum/hanging"]
    first = numbers["rewards"][0]
    assert first["measures"]["auroc"]["value"] == report.best.evidence.measures.auroc.value
    assert RewardSpec.from_dict(first["spec"]).hash() == first["spec_hash"]
    with pytest.raises(SpecError, match=r"ends in \.html"):
        report.save(tmp_path / "report.pdf")


def test_a_random_policys_first_episode_is_kept_with_its_rewards(report):
    met = report.best.evidence.encounters
    film = met.films[report.best.name]
    assert len(film.frames) == len(film.rewards) == 120  # steps of an episode of 200
    right = RewardModel.from_spec(replace(TASK.reward, scaling=None, alpha=report.best.evidence.candidate.spec.alpha))
    np.testing.assert_allclose(film.rewards[:3], right.score(np.stack(film.frames[:3])).numpy(), atol=1e-5)
    assert film.rewards[0] != met.films["upside down"].rewards[0]


def test_the_page_says_how_much_of_a_random_policys_pay_is_offset(report):
    met = report.best.evidence.encounter
    ratio = met.within_episode / abs(met.random_mean)  # of the one episode that was played
    assert met.signal_to_offset == pytest.approx(ratio)
    assert f"the signal is {ratio:.3g} times the offset" in report.html()


def test_a_notebook_shows_the_page_without_a_film_where_there_is_no_task():
    shown = evaluate(red_reward(), reds([0.9, 0.1], [True, False]), controls=False)._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "data:video" not in shown


def test_names_and_sentences_are_escaped_on_the_page():
    frames = reds([0.9, 0.8, 0.1, 0.2], [True, True, False, False])
    evil = '<script>alert("x")</script>'
    frames = replace(frames, names=[f"{evil} {i}" for i in range(4)])
    report = evaluate({f"{evil} $x_1$": lambda frames: frames[..., 0].float().mean(dim=(1, 2))}, frames)
    page = report.html()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_function_is_judged_by_the_same_page_and_no_question_about_sentences_is_asked():
    frames = reds([0.9, 0.75, 0.6, 0.1], [True, True, False, False])
    report = evaluate(lambda frames: frames[..., 0].float().mean(dim=(1, 2)) / 255, frames)
    assert report.best.evidence.measures.auroc.value == 1.0
    assert report.best.evidence.measures.calibration == pytest.approx(
        (0.2625, 0.1106), abs=2e-3
    )  # each a bin of its own
    assert not any("sentence" in answer.question for answer in report.best.answers)


def test_toy_numbers_can_be_checked_by_hand():
    shares, goal = [0.9, 0.5, 0.7, 0.1], [True, True, False, False]
    measures = evaluate(red_reward(), reds(shares, goal), controls=False).best.evidence.measures
    assert measures.auroc.value == 0.75  # 0.5 < 0.7 is the one pair of four that is ranked wrongly
    assert measures.false_positives.value == 0.5
    assert measures.margin == pytest.approx((0.7 - 0.4) / 0.8, abs=0.01)
    assert measures.at_top == 0.0


def test_episodes_are_judged_by_order_and_by_success():
    words = {"groups": ["a"] * 3 + ["b"] * 3, "steps": np.arange(6) % 3}
    frames = reds([0.1, 0.5, 0.9, 0.2, 0.15, 0.1], [False, False, True, False, False, False], **words)
    episodes = evaluate(red_reward(), frames, controls=False).best.evidence.measures.episodes
    assert (episodes.order, episodes.success_auroc, episodes.count) == (pytest.approx(1), 1, 2)


@pytest.mark.parametrize(("label", "what"), [(True, "outside of the goal"), (False, "in the goal")])
def test_labels_of_one_kind_are_refused(label, what):
    with pytest.raises(SpecError, match=f"frames has no frame {what} among 3"):
        evaluate(red_reward(), reds([0.1, 0.2, 0.3], [label] * 3), controls=False)


def test_labels_of_one_kind_are_refused_before_a_frame_is_scored():
    def never(frames):
        pytest.fail("a frame was scored")

    with pytest.raises(SpecError, match="no frame outside of the goal among 3"):
        evaluate(never, reds([0.1, 0.2, 0.3], [True] * 3))


def test_a_state_that_is_no_number_is_named_with_its_frame():
    frames = reds([0.1, 0.2, 0.3], [True, False, False], states={"angle_deg": np.array([0.0, 1.0, np.nan])})
    with pytest.raises(FrameError, match=r"angle_deg of the frame 'frame 2' is nan, .* \(1 of 3 frames have none\)"):
        evaluate(red_reward(), frames)


def test_one_frame_is_refused():
    with pytest.raises(SpecError, match="no frame outside of the goal among 1"):
        evaluate(red_reward(), reds([0.1], [True]), controls=False)


def test_frames_of_several_sizes_are_judged_together():
    small, large = reds([0.9, 0.1], [True, False]), reds([0.8, 0.2], [True, False])
    large = replace(large, frames=large.frames.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2))

    class Both(GivenFrames):
        count = 4

        def batches(self, preprocessing=None):
            yield from (small, large)

    report = evaluate(red_reward(), Both(frames=small), controls=False)
    assert report.best.evidence.measures.auroc.value == 1.0
    assert len(report.scored.labels) == 4


def test_a_source_that_gives_other_frames_when_asked_again_is_refused():
    class Forgetful(TaskStates):
        def batches(self, preprocessing=None):
            self.__dict__["asked"] = self.__dict__.get("asked", 0) + 1
            yield from TaskStates(task=self.task, n=self.n + self.__dict__["asked"]).batches(preprocessing)

    with pytest.raises(FrameError, match=r"gave 7 frames at first and 8 when asked again"):
        evaluate(
            {"s": TASK.reward, "m": replace(TASK.reward, encoder="sim-m")}, Forgetful(task=TASK, n=6), controls=False
        )


def test_what_cannot_be_compared_is_refused():
    frames = reds([0.9, 0.1], [True, False])
    with pytest.raises(SpecError, match="no reward was given"):
        evaluate({}, frames)
    with pytest.raises(SpecError, match="none of the rewards is one"):
        evaluate(lambda frames: frames[:, 0, 0, 0], frames, alphas=(0.0,))


def test_few_frames_without_groups_say_that_nothing_is_sure():
    report = evaluate(red_reward(), reds([0.9, 0.8, 0.1, 0.2], [True, True, False, False]), controls=False)
    assert any("take each for independent" in remark for remark in report.remarks)
    assert report.best.verdict.word == "weak"  # with two frames nothing is sure, whatever the AUROC
    assert report.best.verdict.reasons[0] == "only 2 frames are in the goal, which is too few for more: label 20"


@pytest.mark.parametrize(
    ("groups", "held"),
    [("aaabbb", "goal frames, and one all other"), ("aaabbc", "goal"), ("aabccc", "other")],
)
def test_two_videos_have_no_interval_and_every_place_says_so(groups, held, tmp_path):
    """Of two videos, and of one with one range of time in the goal, which is a group of its own."""
    frames = reds([0.9, 0.8, 0.7, 0.3, 0.2, 0.1], [True] * 3 + [False] * 3, groups=list(groups))
    report = evaluate({"red": lambda frames: frames[..., 0].float().mean(dim=(1, 2))}, frames)
    assert report.best.verdict.word == "weak"
    assert f"of all pairs (no interval: one group holds all {held} frames)" in report.best.verdict.sentence
    assert "1.000 (no interval)" in report.table()
    assert any(remark.startswith("No interval: one group") for remark in report.remarks)
    page = report.save(tmp_path / "page.html").read_text()
    assert "no interval: one group" in page
    assert "nan" not in page
    (entry,) = json.loads((tmp_path / "page.json").read_text())["rewards"]
    assert entry["measures"]["auroc"] == {"value": 1.0, "low": None, "high": None}
    assert entry["measures"]["no_interval"] == f"no interval: one group holds all {held} frames"


def test_only_warnings_of_the_library_are_on_the_page_and_others_are_passed_on():
    def reward(frames):
        warnings.warn("unclosed file", ResourceWarning, stacklevel=1)
        warnings.warn("all frames are one picture", StillFramesWarning, stacklevel=1)
        return frames[..., 0].float().mean(dim=(1, 2))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        report = evaluate(reward, reds([0.9, 0.8, 0.1, 0.2], [True, True, False, False]))
    assert [str(one.message) for one in caught] == ["unclosed file"]
    assert report.remarks[-1] == "all frames are one picture"
    assert not any("unclosed" in remark for remark in report.remarks)


def test_large_frames_are_kept_small():
    """Some dozens of pictures are kept of each reward; of 4K frames they would fill the memory."""
    large = reds([0.9, 0.8, 0.1, 0.2], [True, True, False, False])
    wide = large.frames.repeat_interleave(90, dim=1).repeat_interleave(120, dim=2)  # 720 x 960
    report = evaluate(lambda frames: frames[..., 0].float().mean(dim=(1, 2)), replace(large, frames=wide))
    assert report.best.fooling.paid[0].picture.shape == (360, 480, 3)
    model = evaluate(red_reward(), replace(large, frames=wide), controls=False)
    assert model.best.fooling.paid[0].picture.shape == (SIZE_PX, SIZE_PX, 3)
