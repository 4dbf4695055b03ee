"""`RewardGoal`: the oracle of a task as a reward, to compare a text reward with."""

from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from vlmrm.errors import SpecError
from vlmrm.wrappers.judge_success import JudgeSuccess
from vlmrm.wrappers.wrapper_chain import find_wrapper


class RewardGoal(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Pay 1 for each step whose state lies in the goal, else 0, instead of the environment's own reward.

    Args:
        env: Has a `JudgeSuccess` inside, whose rule decides.

    Raises:
        SpecError: It has none.

    Example:
        >>> from vlmrm.tasks import SuccessRule
        >>> rule = SuccessRule(where={"x_m": (-1, 1)}, within_last=1, at_least=1)
        >>> env = RewardGoal(JudgeSuccess(gym.make("vlmrm_envs:vlmrm/CartPole-v0"), rule))
        >>> _ = env.reset(seed=0)
        >>> env.step(0)[1]
        1.0
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        if find_wrapper(env, JudgeSuccess) is None:
            raise SpecError(f"{env} has no JudgeSuccess, so nothing says what the goal is. Wrap it in one first.")

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """As the environment's, with the oracle's reward."""
        obs, _, terminated, truncated, info = self.env.step(action)
        return obs, float(info["in_goal"]), terminated, truncated, info
