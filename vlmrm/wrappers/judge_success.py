"""`JudgeSuccess`: whether an episode reached its goal, judged on the simulator's state."""

from collections import deque
from collections.abc import Mapping
from typing import Any, SupportsFloat

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from vlmrm.errors import SpecError
from vlmrm.tasks import SuccessRule
from vlmrm.wrappers.wrapper_chain import resets_itself


class JudgeSuccess(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Put the verdict on the episode so far in ``info["is_success"]``, and on this step in ``info["in_goal"]``.

    Stable-Baselines3 reads ``is_success`` when an episode ends. Every episode is judged afresh. An episode shorter
    than the rule's `within_last` is judged on the steps it has. The reset step of an inner
    `gymnasium.wrappers.Autoreset` belongs to no episode and counts for none.

    Args:
        env: Reports its state, by name, in ``info["state"]`` of every step.
        rule: When an episode counts as solved.

    Raises:
        SpecError: The state, or one of its variables, is missing. Raised at the first reset or step.

    Example:
        >>> rule = SuccessRule(where={"t": (2, 9)}, within_last=3, at_least=2)
        >>> class Clock(gym.Env):
        ...     observation_space = action_space = gym.spaces.Discrete(9)
        ...     def reset(self, seed=None, options=None):
        ...         self.t = 0
        ...         return 0, {}
        ...     def step(self, action):
        ...         self.t += 1
        ...         return self.t, 0.0, False, False, {"state": {"t": float(self.t)}}
        >>> env = JudgeSuccess(Clock(), rule)
        >>> _ = env.reset()
        >>> [env.step(0)[-1]["is_success"] for _ in range(4)]
        [False, False, True, True]
    """

    def __init__(self, env: gym.Env[Any, Any], rule: SuccessRule | Mapping[str, Any]) -> None:
        if isinstance(rule, Mapping):  # as `env.spec` writes it down
            rule = SuccessRule(**rule)
        where = {name: list(bounds) for name, bounds in rule.where.items()}
        RecordConstructorArgs.__init__(
            self, rule={"where": where, "within_last": rule.within_last, "at_least": rule.at_least}
        )
        gym.Wrapper.__init__(self, env)
        self.rule = rule
        self._last: deque[bool] = deque(maxlen=rule.within_last)
        self._resets_itself = resets_itself(env)
        self._reset_is_next = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's; what came before is forgotten, and no verdict is true yet.

        Raises:
            SpecError: The state that it reports lacks what success is judged on.
        """
        self._last.clear()
        self._reset_is_next = False
        obs, info = self.env.reset(seed=seed, options=options)
        if info.get("state"):  # not every environment reports it so early
            self.rule.holds(self._state(info))
        return obs, info | {"in_goal": False, "is_success": False}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """As the environment's, with the two verdicts in `info`."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        if self._reset_is_next:
            self._last.clear()
            in_goal = False
        else:
            in_goal = self.rule.holds(self._state(info))
            self._last.append(in_goal)
        self._reset_is_next = self._resets_itself and (terminated or truncated)
        is_success = sum(self._last) >= self.rule.at_least
        return obs, reward, terminated, truncated, info | {"in_goal": in_goal, "is_success": is_success}

    def _state(self, info: Mapping[str, Any]) -> Mapping[str, float]:
        state = info.get("state")
        if not isinstance(state, Mapping):
            raise SpecError(
                f"{self.env} reports no info['state'], on which success is judged; info has "
                f"{', '.join(sorted(info)) or 'nothing'}. Add a wrapper that names its state variables there."
            )
        return state
