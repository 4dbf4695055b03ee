"""What judging an agent costs, and how few steps a training may have."""

import itertools
import math

import pytest

from tests.training.toy_runs import LENGTH, Lamp, configure, lamp_config, lamp_reward, rows_of
from vlmrm.errors import SpecError
from vlmrm.training import EvaluationOptions, train
from vlmrm.training.algorithms import find_algorithm
from vlmrm.training.budget import cost_note, fill_evaluation, video_steps
from vlmrm.training.plan import make_plan
from vlmrm.training.progress import Progress
from vlmrm.training.rollouts import fit_rollout, rollout_steps

PPO, DQN = find_algorithm("PPO"), find_algorithm("DQN")


def filled(steps, episode_steps, usual_every=None, videos=False, **given):
    usual_every = usual_every or max(steps // 20, 1)
    return fill_evaluation(
        EvaluationOptions(**given), steps=steps, usual_every=usual_every, episode_steps=episode_steps, videos=videos
    )


def cost(options, steps, episode_steps, videos=False):
    evaluations = (math.ceil(steps / options.every) + 1) * options.episodes
    shown = 2 * video_steps(steps, episode_steps) if videos else 0
    return episode_steps * (evaluations + 2 * options.final_episodes) + shown


@pytest.mark.parametrize("videos", [True, False])
@pytest.mark.parametrize("episode_steps", [1, 10, 100, 1_000])
def test_evaluations_and_videos_take_at_most_a_third_of_the_steps(episode_steps, videos):
    for steps in (1, 50, 300, 5_000, 20_000, 100_000, 10_000_000):
        for usual_every in (None, 7, 1_000_000):
            chosen = filled(steps, episode_steps, usual_every, videos)
            assert cost(chosen, steps, episode_steps, videos) <= max(steps // 3, 2 * videos)
            assert 0 <= chosen.drawn <= chosen.episodes <= 20


def test_where_there_is_room_evaluations_are_as_usual():
    chosen = filled(100_000, 50, 5_000)
    assert (chosen.every, chosen.episodes, chosen.final_episodes) == (5_000, 20, 20)


def test_where_there_is_little_room_evaluations_are_fewer_and_shorter():
    chosen = filled(20_000, 200, 1_000)  # 33 episodes: 6 + 6 at the ends, 5 times 4 or fewer in between
    assert (chosen.every, chosen.episodes, chosen.final_episodes) == (5_000, 4, 6)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"episodes": 4, "every": 50, "final_episodes": 7}, (50, 4, 7)),
        ({"final_episodes": 100}, (5_000, 4, 100)),
        ({"episodes": 10}, (20_000, 10, 6)),
        ({"episodes": 50}, (20_000, 50, 6)),  # more than a third: at the start and at the end
        ({"every": 2_000}, (2_000, 1, 6)),
        ({"episodes": 0, "final_episodes": 0}, (1_000, 0, 0)),
    ],
)
def test_what_somebody_asked_for_stays(given, expected):
    chosen = filled(20_000, 200, 1_000, **given)
    assert (chosen.every, chosen.episodes, chosen.final_episodes) == expected


def test_what_judging_costs_is_said_before_it_begins():
    said = cost_note(filled(20_000, 200, 1_000), steps=20_000, episode_steps=200, videos=False)
    assert said.startswith("judging the agent takes up to 6,400 environment steps beside 20,000 of training: 5 eval")
    filmed = cost_note(filled(20_000, 200, 1_000), steps=20_000, episode_steps=200, videos=True)
    assert "up to 7,400 " in filmed  # before, after, and at most 3 where the reward parts from success: 5 x 200
    twice = filled(20_000, 200, 1_000, second_reward="sim-m")
    assert "up to 7,400 " in cost_note(twice, steps=20_000, episode_steps=200, videos=False)  # 5 x 200 drawn once more
    none = cost_note(filled(300, 1_000), steps=300, episode_steps=1_000, videos=False)
    assert none.startswith("no evaluations: episodes have up to 1,000 steps, and a third of the 300")


def steps_counted(monkeypatch):
    """Steps of lamps that are drawn, which train here, and of others, which are judged."""
    counts = {True: 0, False: 0}
    step = Lamp.step

    def counted(self, action):
        counts[self.render_mode is not None] += 1
        return step(self, action)

    monkeypatch.setattr(Lamp, "step", counted)
    return counts


class Screen:
    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return False


def test_a_run_of_few_steps_trains_and_judges_no_more_than_it_was_told(tmp_path, monkeypatch):
    counts, screen = steps_counted(monkeypatch), Screen()
    given = {"eval_every": None, "eval_episodes": None, "final_episodes": None, "eval_drawn": 0}
    ticks = (60.0 * minute for minute in itertools.count())
    progress = Progress(screen, clock=lambda: next(ticks))  # a minute passes between two looks at the clock
    summary = train(lamp_config(tmp_path, steps=300, **given), reward=lamp_reward(), progress=progress)
    assert summary.steps == counts[True] == 300
    assert 0 < counts[False] <= 100
    assert "judging the agent takes up to 100 environment steps" in screen.text
    assert "random policy: 10 of up to 20 steps" in screen.text
    assert "evaluation at step 0: 1 of up to" in screen.text
    assert "last evaluation: " in screen.text


def test_where_one_episode_is_longer_than_a_third_nothing_is_judged(tmp_path, monkeypatch):
    counts = steps_counted(monkeypatch)
    given = {"eval_every": None, "eval_episodes": None, "final_episodes": None}
    summary = train(lamp_config(tmp_path, steps=20, **given), reward=lamp_reward())
    assert (counts[False], summary.trained.episodes, summary.trained.success, summary.best) == (0, 0, None, None)
    assert rows_of(tmp_path / "run")[-1].eval_success is None


def test_ppo_trains_the_steps_that_it_was_told_where_its_usual_rollout_is_longer(tmp_path, monkeypatch, caplog):
    counts = steps_counted(monkeypatch)
    train(lamp_config(tmp_path, algorithm="PPO", steps=130, num_envs=2, eval_drawn=0), reward=lamp_reward())
    assert counts[True] == 128
    assert "PPO usually learns after every 4096 steps, and there are 130: it learns after every 128 here" in caplog.text


@pytest.mark.parametrize(
    ("algorithm", "given", "num_envs", "steps"),
    [
        (PPO, {}, 4, 8_192),
        (PPO, {"n_steps": 20}, 2, 40),
        (DQN, {"train_freq": 64}, 3, 192),
        (DQN, {"train_freq": [10, "step"], "n_steps": 5}, 1, 10),
        (DQN, {"train_freq": [1, "episode"]}, 1, None),
    ],
)
def test_the_steps_of_a_rollout_are_those_of_all_environments(algorithm, given, num_envs, steps):
    assert rollout_steps(algorithm, given, num_envs) == steps


def test_a_rollout_that_the_user_chose_and_that_is_longer_than_the_training_is_refused():
    with pytest.raises(
        SpecError, match=r"PPO learns after every 2,000 steps \(n_steps = 500, num_envs = 4\).*n_steps = 75"
    ):
        fit_rollout(PPO, {"n_steps": 500}, chosen={"n_steps"}, steps=300, num_envs=4)
    with pytest.raises(SpecError, match=r"DQN learns after every 64 steps"):
        make_plan(configure(env="CartPole-v1", goal=("a pole",), hyperparameters={"train_freq": 64}, steps=20))


def test_rollouts_that_fit_are_left_alone_and_others_are_shortened_to_whole_batches():
    def fitted(algorithm, given, steps, chosen=()):
        return fit_rollout(algorithm, given, chosen=chosen, steps=steps, num_envs=1)

    assert fitted(PPO, {}, 2_048) == {}
    assert fitted(PPO, {}, 300) == {"n_steps": 256}
    assert fitted(PPO, {}, 50) == {"n_steps": 50, "batch_size": 50}
    assert fitted(PPO, {"batch_size": 100}, 250, chosen={"batch_size"}) == {"batch_size": 100, "n_steps": 200}
    assert fitted(DQN, {"train_freq": 200}, 120) == {"train_freq": 120}


def test_the_longest_video_is_a_twentieth_of_the_training():
    assert [video_steps(steps, 1_000) for steps in (10, 300, 5_000, 20_000)] == [1, 15, 250, 500]
    assert video_steps(5_000, LENGTH) == LENGTH


def test_as_many_episodes_are_drawn_as_were_asked_for():
    """Choosing the best agent by a few drawn episodes goes by luck; on short trainings a third of the steps has 4."""
    options = EvaluationOptions(drawn=20)
    chosen = fill_evaluation(options, steps=20_000, usual_every=1_000, episode_steps=200, videos=False)
    assert (chosen.drawn, chosen.episodes) == (20, 20)
