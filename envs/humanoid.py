"""Gymnasium's Humanoid without terminations, with its pose in numbers and a look of one's choice."""

from typing import Any

import numpy as np
from gymnasium.envs.mujoco.humanoid_v5 import HumanoidEnv
from numpy.typing import NDArray

from envs.humanoid_state import humanoid_state
from envs.mujoco_looks import find_look, load_model


class Humanoid(HumanoidEnv):
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

    def __init__(self, render_mode: str | None = None, look: str = "textured") -> None:
        self._look = find_look(look)
        super().__init__(terminate_when_unhealthy=False, render_mode=render_mode)

    def step(  # type: ignore[override]  # Gymnasium's says that `info` has only numbers
        self, action: Any
    ) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """One step of Gymnasium's physics, 0.015 s; never terminates."""
        observation, reward, _, truncated, info = super().step(action)
        return observation, float(reward), False, bool(truncated), info | {"state": self.state_variables()}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """Gymnasium's own starts: standing a hand's breadth above the floor, every joint within 0.01 of straight."""
        observation, info = super().reset(seed=seed, options=options)
        return observation, info | {"state": self.state_variables()}

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the terms that a pose is judged in."""
        return humanoid_state(self.model, self.data)

    def _initialize_simulation(self) -> tuple[Any, Any]:
        import mujoco

        model = load_model(self.fullpath, self._look)
        size = model.vis.global_
        size.offwidth, size.offheight = max(size.offwidth, self.width), max(size.offheight, self.height)
        return model, mujoco.MjData(model)
