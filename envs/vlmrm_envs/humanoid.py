"""Gymnasium's Humanoid without terminations, with its pose in numbers and a look of one's choice."""

from collections.abc import Mapping
from typing import Any, ClassVar

from gymnasium.envs.mujoco.humanoid_v5 import HumanoidEnv

from vlmrm_envs.humanoid_state import humanoid_state
from vlmrm_envs.mujoco_bodies import EndlessMujoco


class Humanoid(EndlessMujoco, HumanoidEnv):
    """Gymnasium's Humanoid-v5, which may fall and lie: nothing but the clock ends an episode.

    ``info["state"]`` has the variables of `humanoid_state`. The environment's own reward is Humanoid-v5's, for walking
    forwards; the tasks are compared with their oracle's instead, 1 for each step in the goal pose.

    Args:
        render_mode: ``rgb_array``, ``human`` or None.
        look: ``plain``, as Gymnasium draws it, or ``textured``.

    Example:
        >>> env = Humanoid()
        >>> _ = env.reset(seed=0)
        >>> round(env.state_variables()["head_height_m"], 1)
        1.6
    """

    _options: ClassVar[Mapping[str, Any]] = {"terminate_when_unhealthy": False}

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the terms that a pose is judged in."""
        return humanoid_state(self.model, self.data)
