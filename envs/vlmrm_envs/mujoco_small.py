"""Five smaller MuJoCo worlds that train on two cores: Gymnasium's own, with their state and without terminations.

Each has ``info["state"]``, and `place` for the landscape of a reward. Their own reward is Gymnasium's, which knows
nothing of the tasks; those are compared with their oracle's, 1 for each step in the goal.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import mujoco
import numpy as np
from gymnasium.envs.mujoco.ant_v5 import AntEnv
from gymnasium.envs.mujoco.half_cheetah_v5 import HalfCheetahEnv
from gymnasium.envs.mujoco.hopper_v5 import HopperEnv
from gymnasium.envs.mujoco.inverted_pendulum_v5 import InvertedPendulumEnv
from gymnasium.envs.mujoco.reacher_v5 import ReacherEnv

from vlmrm_envs.mujoco_bodies import EndlessMujoco, wrapped_deg


class InvertedPendulum(EndlessMujoco, InvertedPendulumEnv):
    """A pole hinged to a cart on a rail; it may fall to either side, as far as horizontal.

    ``info["state"]`` has ``angle_deg`` (0 upright, positive to the right) and ``x_m``, the cart's place, -1 to 1.

    Example:
        >>> env = InvertedPendulum()
        >>> env.place(30.0)
        >>> round(env.state_variables()["angle_deg"], 6)
        30.0
    """

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        return {"angle_deg": wrapped_deg(self.data.qpos[1]), "x_m": float(self.data.qpos[0])}

    def place(self, value: float) -> None:
        """Put the pole at an angle (degrees from upright, positive to the right), the cart in the middle."""
        self.set_state(np.array([0.0, np.radians(value)]), np.zeros(2))


class Reacher(EndlessMujoco, ReacherEnv):
    """A two-link arm on a table and a ball to touch, which lies elsewhere in each episode.

    ``info["state"]`` has ``tip_to_ball_m``, from the fingertip's middle to the ball's, and where the fingertip is:
    ``tip_x_m``, to the right in the task's picture, and ``tip_y_m``, up in it; the arm is 0.21 m long.

    Example:
        >>> env = Reacher()
        >>> env.place(0.05)
        >>> round(env.state_variables()["tip_to_ball_m"], 6)
        0.05
    """

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        tip, ball = self.data.body("fingertip").xpos[:2], self.data.body("target").xpos[:2]
        return {"tip_to_ball_m": float(np.linalg.norm(tip - ball)), "tip_x_m": float(tip[0]), "tip_y_m": float(tip[1])}

    def place(self, value: float) -> None:
        """Stretch the arm half out and put the ball so far from its tip, towards the shoulder."""
        self.set_state(np.array([0.0, 1.2, 0.0, 0.0]), np.zeros(4))
        tip = self.data.body("fingertip").xpos[:2]
        self.set_state(np.array([0.0, 1.2, *(tip * (1 - value / np.linalg.norm(tip)))]), np.zeros(4))


class Hopper(EndlessMujoco, HopperEnv):
    """A torso on one leg, in a plane; it may fall and lie.

    It starts up to 3 degrees off and turning: from Gymnasium's starts, ten times as near to upright, it falls so slowly
    that a short episode is over before.

    ``info["state"]`` has ``tilt_deg`` of the torso (0 upright, positive forwards, to the right) and
    ``torso_height_m`` (1.25 standing).

    Example:
        >>> env = Hopper()
        >>> env.place(90.0)
        >>> round(env.state_variables()["torso_height_m"], 2)
        0.32
    """

    _options: ClassVar[Mapping[str, Any]] = {"terminate_when_unhealthy": False, "reset_noise_scale": 0.05}
    _height_at = 1

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        return {
            "tilt_deg": wrapped_deg(self.data.qpos[2]),
            "torso_height_m": float(self.data.body("torso").xpos[2]),
        }

    def place(self, value: float) -> None:
        """Lean the stretched body by an angle (degrees from upright, positive forwards) and set it on the floor."""
        position = self.init_qpos.copy()
        position[2] = np.radians(value)
        self.set_on_floor(position)


class HalfCheetah(EndlessMujoco, HalfCheetahEnv):
    """A two-legged cheetah in a plane, which may turn over.

    ``info["state"]`` has ``pitch_deg`` of the back (0 on its feet, positive nose down), ``off_back_deg``, how far it is
    from lying upside down (0 there, 180 on its feet), and ``torso_height_m``.

    Example:
        >>> env = HalfCheetah()
        >>> env.place(180.0)
        >>> round(env.state_variables()["off_back_deg"], 6)
        0.0
    """

    _height_at = 1

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        pitch = wrapped_deg(self.data.qpos[2])
        return {
            "pitch_deg": pitch,
            "off_back_deg": 180.0 - abs(pitch),
            "torso_height_m": float(self.data.body("torso").xpos[2]),
        }

    def place(self, value: float) -> None:
        """Turn the body by an angle (degrees, positive nose down) and set it on the floor."""
        position = self.init_qpos.copy()
        position[2] = np.radians(value)
        self.set_on_floor(position)


class Ant(EndlessMujoco, AntEnv):
    """A four-legged body, which may turn over.

    ``info["state"]`` has ``tilt_deg`` of the body (0 on its feet, 180 on its back) and ``torso_height_m``.

    Example:
        >>> env = Ant()
        >>> env.place(180.0)
        >>> round(env.state_variables()["tilt_deg"], 3)
        180.0
    """

    _options: ClassVar[Mapping[str, Any]] = {
        "terminate_when_unhealthy": False,
        "include_cfrc_ext_in_observation": False,  # 78 numbers of contact forces, from which SAC learns slower
    }

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        torso = self.data.body("torso")
        return {
            "tilt_deg": float(np.degrees(np.arccos(np.clip(torso.xmat[8], -1, 1)))),
            "torso_height_m": float(torso.xpos[2]),
        }

    def place(self, value: float) -> None:
        """Roll the body by an angle (degrees, 0 on its feet), its legs half bent, and set it on the floor."""
        position = self.init_qpos.copy()
        for i in range(1, self.model.njnt):  # Gymnasium's own start has the ankles outside their limits
            position[self.model.jnt_qposadr[i]] = self.model.jnt_range[i].mean()
        mujoco.mju_axisAngle2Quat(position[3:7], np.array([1.0, 0.0, 0.0]), np.radians(value))
        self.set_on_floor(position)
