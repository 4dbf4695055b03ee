"""A rollout that is scored as a whole is to the agent what `VecVLMReward`, which scores step by step, makes of it."""

import numpy as np
import pytest
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnvWrapper, VecNormalize

from tests import toys
from tests.toys import ColourEncoder, CountingEnv
from vlmrm.agents import RelabelCallback, VecVLMReward
from vlmrm.errors import PairingError
from vlmrm.wrappers import CaptureFrame

contrib = pytest.importorskip("sb3_contrib")
SMALL = {"policy_kwargs": {"net_arch": [4]}}
BATCHES = SMALL | {"batch_size": 7}
ALGORITHMS = {
    PPO: ("MlpPolicy", BATCHES | {"n_epochs": 2}),
    A2C: ("MlpPolicy", SMALL),
    contrib.TRPO: ("MlpPolicy", BATCHES),
    contrib.RecurrentPPO: ("MlpLstmPolicy", {"batch_size": 7, "policy_kwargs": {"lstm_hidden_size": 4}}),
    contrib.MaskablePPO: ("MlpPolicy", BATCHES | {"n_epochs": 2}),
}
OVER_TIME = {
    "no history": None,
    "difference": {"kind": "difference"},
    "window": {"kind": "window", "length": 3},
    "shaping": {"kind": "shaping", "gamma": 0.99},
}


class MaskedEnv(CountingEnv):
    """Forbids its second button in every other step; its own rewards are large."""

    def action_masks(self):
        return np.array([True, self.t % 2 == 0])

    def step(self, action):
        obs, reward, *rest = super().step(action)
        return obs, 1000 * reward, *rest


def venv_of(num_envs, ends_by="truncated"):
    """Environments whose episodes have different lengths, so that some end anywhere in a rollout."""
    lengths = [(3, 5, 2), (11,), (4,)]
    preprocessing = ColourEncoder().preprocessing
    return DummyVecEnv(
        [
            lambda of=lengths[index % 3]: CaptureFrame(MaskedEnv(of, ends_by=ends_by), preprocessing)
            for index in range(num_envs)
        ]
    )


def agent_of(kind, venv):
    policy, settings = ALGORITHMS[kind]
    return kind(policy, venv, n_steps=7, seed=0, device="cpu", **settings)


def both(kind, num_envs, over_time=None):
    """The rollout buffers of an agent that is relabelled and of one that is not, after some updates."""
    steps, reward = 7 * num_envs * 2, toys.red_reward(over_time=over_time)
    relabelled = agent_of(kind, venv_of(num_envs)).learn(steps, callback=RelabelCallback(reward, env_weight=0.01))
    stepwise = agent_of(kind, VecVLMReward(venv_of(num_envs), reward, env_weight=0.01)).learn(steps)
    return relabelled.rollout_buffer, stepwise.rollout_buffer


def assert_same(relabelled, stepwise):
    for name in ("rewards", "returns", "advantages", "values", "episode_starts", "actions"):
        ours, other = getattr(relabelled, name), getattr(stepwise, name)
        np.testing.assert_allclose(ours, other, atol=1e-5, rtol=0, err_msg=name)
    assert type(relabelled) is type(stepwise)


@pytest.mark.parametrize("over_time", OVER_TIME.values(), ids=OVER_TIME)
@pytest.mark.parametrize("num_envs", [1, 8])
def test_rewards_returns_and_advantages_are_those_of_scoring_step_by_step(num_envs, over_time):
    assert_same(*both(PPO, num_envs, over_time))


@pytest.mark.parametrize("kind", [A2C, contrib.TRPO, contrib.RecurrentPPO, contrib.MaskablePPO])
def test_every_on_policy_algorithm_is_relabelled(kind):
    assert_same(*both(kind, 2, OVER_TIME["difference"]))


class Stacked(VecEnvWrapper):
    """Rewards of another type, as `SubprocVecEnv` stacks what environments return."""

    def __init__(self, venv, kind):
        super().__init__(venv)
        self.kind = kind

    def reset(self):
        return self.venv.reset()

    def step_wait(self):
        obs, rewards, dones, infos = self.venv.step_wait()
        return obs, rewards.astype(self.kind), dones, infos


def test_rewards_of_double_precision_are_relabelled():
    reward, venv = toys.red_reward(), Stacked(venv_of(2), np.float64)
    relabelled = agent_of(PPO, venv).learn(14, callback=RelabelCallback(reward, env_weight=0.01))
    stepwise = agent_of(PPO, VecVLMReward(Stacked(venv_of(2), np.float64), reward, env_weight=0.01)).learn(14)
    assert_same(relabelled.rollout_buffer, stepwise.rollout_buffer)


@pytest.mark.parametrize("kind", [PPO, contrib.RecurrentPPO])
@pytest.mark.parametrize("ends_by", ["truncated", "terminated"])
@pytest.mark.filterwarnings("ignore::vlmrm.errors.SurvivalBonusWarning")
def test_a_time_limit_adds_what_the_last_state_is_worth_and_an_end_does_not(kind, ends_by):
    reward = toys.red_reward()
    relabel = RelabelCallback(reward)
    buffer = agent_of(kind, venv_of(1, ends_by=ends_by)).learn(7, callback=relabel).rollout_buffer
    added = buffer.rewards - relabel.last_rewards
    at_limit = np.array([False, False, True, False, False, False, False])  # episodes of 3 and 5 steps
    assert ((added[:, 0] != 0) == (at_limit & (ends_by == "truncated"))).all()


def test_a_rollout_is_scored_in_one_batch():
    reward = toys.red_reward()
    agent_of(PPO, venv_of(2)).learn(28, callback=RelabelCallback(reward))
    assert reward.encoder.batches == [14, 14]


class Looks(BaseCallback):
    """Notes what another callback sees."""

    def __init__(self):
        super().__init__()
        self.env_rewards, self.early, self.late = [], [], None

    def _on_step(self):
        self.env_rewards.append(self.locals["rewards"][0])
        self.early += self.model.rollout_buffer.rewards[: self.model.rollout_buffer.pos].ravel().tolist()
        return True

    def _on_rollout_end(self):
        self.late = self.model.rollout_buffer.returns.copy()


@pytest.mark.parametrize("order", [1, -1])
def test_other_callbacks_see_the_environments_own_rewards_and_finished_returns(order):
    looks = Looks()
    callbacks = [RelabelCallback(toys.red_reward()), looks][::order]
    model = agent_of(PPO, venv_of(1)).learn(7, callback=callbacks)
    assert looks.env_rewards == [-1000.0, -2000.0, -3000.0, -1000.0, -2000.0, -3000.0, -4000.0]
    assert np.isnan(looks.early).all()
    np.testing.assert_array_equal(looks.late.ravel(), model.rollout_buffer.returns.ravel())


def test_it_logs_as_for_off_policy_algorithms():
    """One episode of three steps has red 40, 60 and 80; the second of five is not over."""
    model = agent_of(PPO, venv_of(1))
    model.set_logger(configure(None, []))
    model.learn(7, callback=RelabelCallback(toys.red_reward()), log_interval=None)
    logged = model.logger.name_to_value
    assert logged["rollout/ep_vlm_rew_mean"] == pytest.approx(180 / 255)
    assert logged["reward/env_mean"] == pytest.approx(-16_000 / 7)
    assert {"reward/vlm_mean", "time/frames_per_s"} <= logged.keys()


def test_training_goes_on_after_it_was_stopped_in_the_middle_of_a_rollout():
    class StopAtTen(BaseCallback):
        def _on_step(self):
            return self.n_calls != 10

    relabel, model = RelabelCallback(toys.red_reward(over_time={"kind": "difference"})), agent_of(PPO, venv_of(1))
    model.learn(28, callback=[relabel, StopAtTen()])
    model.learn(14, callback=relabel)
    gain = np.float32(toys.RED_PER_STEP / 255)
    np.testing.assert_allclose(relabel.last_rewards, np.full((7, 1), gain), atol=1e-6)


def test_whole_numbers_as_rewards_are_refused_where_values_would_be_cut_off():
    with pytest.raises(PairingError, match=r"whole numbers \(int64\)"):
        agent_of(PPO, Stacked(venv_of(1), np.int64)).learn(7, callback=RelabelCallback(toys.red_reward()))


def test_normalised_observations_are_allowed_and_normalised_rewards_are_not():
    reward = toys.red_reward()
    relabelled = agent_of(PPO, VecNormalize(venv_of(2), norm_reward=False)).learn(28, callback=RelabelCallback(reward))
    scored = VecNormalize(VecVLMReward(venv_of(2), reward), norm_reward=False)
    assert_same(relabelled.rollout_buffer, agent_of(PPO, scored).learn(28).rollout_buffer)
    with pytest.raises(PairingError, match="norm_reward=False"):
        agent_of(PPO, VecNormalize(venv_of(2))).learn(14, callback=RelabelCallback(reward))
