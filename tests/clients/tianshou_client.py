"""tianshou's collector fills its buffer with our rewards, and its DQN learns from them."""

import gymnasium as gym
import numpy as np
from tianshou.algorithm import DQN
from tianshou.algorithm.algorithm_base import policy_within_training_step
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.utils.net.common import Net

from vlmrm.wrappers import VLMReward


def test_its_buffer_holds_the_rewards_of_the_frames_and_its_agent_learns_from_them(reward):
    envs = DummyVectorEnv([lambda: VLMReward(gym.make("CartPole-v1", render_mode="rgb_array"), reward)] * 2)
    actions = envs.action_space[0]
    net = Net(state_shape=(4,), action_shape=actions.n, hidden_sizes=[32])
    policy = DiscreteQLearningPolicy(model=net, action_space=actions, eps_training=0.5)
    agent = DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), gamma=0.9)
    buffer = VectorReplayBuffer(400, 2)
    collector = Collector(agent, envs, buffer)
    collector.reset()
    collector.collect(n_step=120)
    held, _ = buffer.sample(0)
    np.testing.assert_allclose(held.rew, held.info["vlm_reward"], rtol=1e-6)
    scored = reward.score(np.stack(list(held.info["frame"])))
    np.testing.assert_allclose(held.rew, np.asarray(scored), atol=1e-5)
    assert len(held) >= 120
    before = [parameter.detach().clone() for parameter in net.parameters()]
    with policy_within_training_step(agent.policy):
        agent.update(buffer=buffer, sample_size=32)
    assert any(bool((now != then).any()) for now, then in zip(net.parameters(), before, strict=True))
    envs.close()
