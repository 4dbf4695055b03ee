"""sb3-contrib's algorithms by name: what they remember and what they may choose goes with them wherever they act."""

import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from tests.toys import SIZE_PX
from tests.training.toy_runs import Lamp, break_down, configure, lamp_config, lamp_reward, rows_of
from vlmrm.errors import MissingExtra, SpecError
from vlmrm.tasks import SuccessRule
from vlmrm.training import load_agent, resume, train
from vlmrm.training.acting import RandomPolicy
from vlmrm.training.algorithms import find_algorithm
from vlmrm.training.episodes import evaluate, mean_of
from vlmrm.training.make_agent import policy_name
from vlmrm.training.plan import make_plan
from vlmrm.training.record import record_episode
from vlmrm.wrappers import CaptureFrame, JudgeSuccess

pytest.importorskip("sb3_contrib")
SMALL = {"policy_kwargs": {"net_arch": [8]}, "batch_size": 10}
REPLAY = SMALL | {"buffer_size": 150, "learning_starts": 20, "train_freq": 10, "gradient_steps": 2}
RUNS = {
    "QRDQN": ("Lamp", REPLAY),
    "TQC": ("DimmedLamp", REPLAY),
    "CrossQ": ("DimmedLamp", REPLAY),
    "TRPO": ("Lamp", SMALL | {"n_steps": 20}),
    "RecurrentPPO": ("Lamp", SMALL | {"n_steps": 20, "policy_kwargs": {"lstm_hidden_size": 4}}),
    "MaskablePPO": ("StuckLamp", SMALL | {"n_steps": 20}),
}


class DimmedLamp(Lamp):
    """The lamp with a dial instead of two buttons."""

    action_space = Box(-1, 1, (1,), np.float32)

    def step(self, action):
        return super().step(int(action[0] > 0))


class StuckLamp(Lamp):
    """The lamp whose button for more breaks off where it is bright already."""

    def action_masks(self):
        return np.array([True, self.brightness < 0.7])

    def step(self, action):
        if not self.action_masks()[action]:
            raise ConnectionError("the button broke off")
        return super().step(action)


class Cue(gym.Env):
    """Shows in its first observation alone which of two buttons to press from then on; red is right."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012
    observation_space = Box(-1, 1, (2,), np.float32)
    action_space = Discrete(2)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.wanted, self.right = int(self.np_random.integers(2)), False
        return np.array([2 * self.wanted - 1, 1], np.float32), {"state": {"right": 0.0}}

    def step(self, action):
        self.right = int(action) == self.wanted
        state = {"right": float(self.right)}
        return np.zeros(2, np.float32), float(self.right), False, False, {"state": state}

    def render(self):
        frame = np.zeros((SIZE_PX, SIZE_PX, 3), np.uint8)
        frame[..., 0] = 255 * self.right
        return frame


class Forgetful:
    """An agent whose memory is taken away after every step."""

    def __init__(self, agent):
        self.agent = agent

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return self.agent.predict(observation, deterministic=deterministic)[0], None


class WantsMore:
    """Presses the button for more wherever it is told that it may."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False, action_masks=None):
        return action_masks[:, 1].astype(int), None


class DoesNotAsk:
    """The same, and it is never told."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.ones(len(observation), int), None


for kind, steps in ((DimmedLamp, 10), (StuckLamp, 10), (Cue, 5)):
    name = f"toy/{kind.__name__}-v0"
    if name not in gym.registry:
        gym.register(name, entry_point=f"tests.training.test_contrib:{kind.__name__}", max_episode_steps=steps)


def stuck():
    return CaptureFrame(gym.make("toy/StuckLamp-v0", render_mode="rgb_array"))


def shown():
    return CaptureFrame(gym.make("toy/Cue-v0", render_mode="rgb_array"))


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_broke_goes_on_to_its_end(name, tmp_path, crash_at):
    lamp, settings = RUNS[name]
    (tmp_path / "lamp.toml").write_text(
        f'name = "lamp/bright"\ndescription = ""\nenv_id = "tests.training.toy_runs:toy/{lamp}-v0"\n'
        'reward = { prompts = { goal = "red" } }\nepisode_steps = 10\n'
        "success = { where = { brightness = [0.5, 1.0] }, within_last = 5, at_least = 5 }\n"
    )
    crash_at(137, break_down)
    config = lamp_config(tmp_path, algorithm=name, hyperparameters=settings, steps=200, eval_every=50, videos=True)
    with pytest.raises(ConnectionError, match="the lamp broke"):
        train(config, reward=lamp_reward())
    summary = resume(tmp_path / "run", reward=lamp_reward())
    assert (summary.algorithm, summary.trained.episodes) == (name, 4)
    assert 200 <= summary.steps < 220  # whole rollouts
    rows = [row for row in rows_of(tmp_path / "run") if row.train_vlm_reward is not None]
    assert len(rows) >= 4
    for row in rows:
        assert row.train_vlm_reward == pytest.approx(row.train_env_reward, abs=0.005)
    assert type(load_agent(tmp_path / "run")).__name__ == name


def test_what_is_impossible_is_not_chosen_in_evaluations_and_videos():
    """Not after an episode beside it has ended either: these begin at other levels of brightness."""
    records = evaluate(WantsMore(), stuck, episodes=5, seed=0)
    assert [record.steps for record in records] == [10] * 5
    assert len(record_episode(WantsMore(), stuck, seed=0, reward=None).frames) == 10
    for act in (evaluate, record_episode):
        settings = {"episodes": 5} if act is evaluate else {"reward": None}
        with pytest.raises(ConnectionError, match="broke off"):
            act(DoesNotAsk(), stuck, seed=0, **settings)


def test_random_actions_are_drawn_from_what_is_possible():
    records = evaluate(RandomPolicy(Discrete(2), seed=0), stuck, episodes=20, seed=0)
    assert np.mean([record.env_return for record in records]) > 1.0


def test_a_choice_of_several_parts_is_drawn_part_by_part():
    policy = RandomPolicy(gym.spaces.MultiDiscrete([2, 3]), seed=0)
    masks = np.array([[False, True, True, False, True]] * 50)
    drawn = policy.predict(np.zeros((50, 1)), action_masks=masks)[0]
    assert sorted({tuple(action) for action in drawn.tolist()}) == [(1, 0), (1, 2)]


def test_an_agent_that_asks_what_is_possible_is_refused_where_nothing_tells_it():
    with pytest.raises(SpecError, match=r"MaskablePPO asks .* CartPole-v1 has no action_masks"):
        make_plan(configure(env="CartPole-v1", goal=("a pole",), algorithm="MaskablePPO"))


def test_an_agent_that_remembers_needs_its_memory_in_evaluations(tmp_path):
    """The cue is gone after the first observation, so that without a memory half of the episodes are lost."""
    (tmp_path / "lamp.toml").write_text(
        'name = "cue/follow"\ndescription = ""\nenv_id = "tests.training.test_contrib:toy/Cue-v0"\n'
        'reward = { prompts = { goal = "red" } }\n'
        "success = { where = { right = [1, 1] }, within_last = 3, at_least = 3 }\n"
    )
    settings = {"n_steps": 20, "batch_size": 80, "n_epochs": 4, "learning_rate": 1e-2, "gamma": 0.5}
    network = {"net_arch": [], "lstm_hidden_size": 8}
    config = lamp_config(
        tmp_path, algorithm="RecurrentPPO", hyperparameters=settings | {"policy_kwargs": network}, steps=3_200,
        num_envs=8, eval_every=3_200, eval_drawn=0, final_episodes=40,
    )  # fmt: skip
    summary = train(config, reward=lamp_reward())
    assert summary.trained.success >= 0.95
    agent, rule = load_agent(tmp_path / "run"), SuccessRule(where={"right": (1, 1)}, within_last=3, at_least=3)
    success, filmed = {}, {}
    for who in (agent, Forgetful(agent)):
        records = evaluate(who, lambda: JudgeSuccess(gym.make("toy/Cue-v0"), rule), episodes=40, seed=0)
        success[who] = mean_of(records).success
        videos = [record_episode(who, shown, seed=seed, reward=None) for seed in range(8)]
        filmed[who] = np.mean([video.rewards[-1] for video in videos])
    remembered, forgotten = success.values()
    assert remembered >= 0.95
    assert 0.3 <= forgotten <= 0.7
    assert filmed[agent] == 1.0
    assert len(set(filmed.values())) == 2


def test_algorithms_that_need_another_package_say_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    with pytest.raises(
        MissingExtra, match=r'TQC needs sb3-contrib, which is not installed: pip install "vlmrm\[contrib\]"'
    ):
        find_algorithm("TQC").load()


def test_observations_that_an_algorithm_has_no_network_for_are_refused():
    with pytest.raises(SpecError, match=r"CrossQ has no policy for .*, only MlpPolicy"):
        policy_name(find_algorithm("CrossQ"), Box(0, 255, (64, 64, 3), np.uint8))
