"""Gymnasium's Acrobot without its termination."""

import math
from typing import Any

import numpy as np
from gymnasium.envs.classic_control.acrobot import AcrobotEnv
from numpy.typing import NDArray


class Acrobot(AcrobotEnv):
    """Gymnasium's Acrobot: swing a two-link arm up with a motor in its elbow; the episode goes on at the top.

    ``info["state"]`` has ``tip_m``, the height of the tip above the pivot, -2..2, with the line at 1, and
    ``upper_link_deg`` (0 hanging, positive to the right). The environment's own reward is Gymnasium's: 0 for each step
    with the tip above the line, else -1.

    Example:
        >>> env = Acrobot(render_mode="rgb_array")
        >>> env.place(180.0)
        >>> round(env.state_variables()["tip_m"], 6)
        2.0
    """

    def step(self, a: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One step of Gymnasium's physics; never terminates."""
        observation, reward, _, truncated, _ = super().step(a)
        return observation, float(reward), False, bool(truncated), {"state": self.state_variables()}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Gymnasium's own starts: hanging, within 0.1 of still."""
        observation, _ = super().reset(seed=seed, options=options)
        return observation, {"state": self.state_variables()}

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        first, second = float(self.state[0]), float(self.state[1])
        upper = (math.degrees(first) + 180.0) % 360.0 - 180.0
        return {"tip_m": -math.cos(first) - math.cos(first + second), "upper_link_deg": upper}

    def place(self, value: float) -> None:
        """Put the stretched arm at an angle (degrees from hanging, positive to the right), still."""
        self.state: Any = np.array((math.radians(value), 0.0, 0.0, 0.0), dtype=np.float32)
