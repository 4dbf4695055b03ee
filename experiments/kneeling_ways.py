"""Ways to reward kneeling, which kneeling_gate.py looks at and kneeling.py trains: sentences, cameras, models."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import vlmrm_envs as envs

from vlmrm import RewardSpec
from vlmrm.rendering import Camera
from vlmrm.tasks import Task

HERE = Path(__file__).resolve().parent
TASK = "humanoid/kneeling"


def _camera(azimuth_deg: float) -> Camera:
    """The paper's, from another side."""
    return Camera(lookat_m=(0, 0, 1), distance_m=3.5, azimuth_deg=azimuth_deg, elevation_deg=-10)


CAMERAS = {
    "front": _camera(180),
    "side": _camera(90),
    "nearer_side": Camera(lookat_m=(0, 0, 0.7), distance_m=2.2, azimuth_deg=90, elevation_deg=-10),
}


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to reward kneeling."""

    says: str
    """What tables call it."""
    cameras: tuple[str, ...]
    """Names in `CAMERAS`."""
    reward: str | None = "negatives"
    """File in kneeling/ of the reward. None: the task's own sentence and baseline."""
    encoder: str = "sim-m"
    """Name of the model."""

    def spec(self) -> RewardSpec:
        """The reward."""
        spec = RewardSpec.load(HERE / "kneeling" / f"{self.reward}.toml") if self.reward else envs.task(TASK).reward
        joined = {"names": list(self.cameras)} if len(self.cameras) > 1 else None
        return replace(spec, encoder=self.encoder, cameras=joined, render_quality="fast")

    def task(self) -> Task:
        """The task, seen by the cameras of this way."""
        task = envs.task(TASK)
        if len(self.cameras) == 1:
            return replace(task, camera=CAMERAS[self.cameras[0]])
        return replace(task, camera=None, cameras={name: CAMERAS[name] for name in self.cameras})

    def missed(self, state: Mapping[str, float]) -> list[str]:
        """Names of the success bounds that a state does not meet."""
        where = envs.task(TASK).success.where
        return [name for name, (low, high) in where.items() if not low <= state[name] <= high]


WAYS = {
    "task": Way(says="sim-m, the task's own sentence, front", cameras=("front",), reward=None),
    "front": Way(says="eight negatives, front", cameras=("front",)),
    "side": Way(says="eight negatives, side", cameras=("side",)),
    "both": Way(says="eight negatives, front and side", cameras=("front", "side")),
    "h_task": Way(says="sim-h, the task's own sentence, front", cameras=("front",), reward=None, encoder="sim-h"),
    "h_front": Way(says="sim-h, eight negatives, front", cameras=("front",), encoder="sim-h"),
    "h_side": Way(says="sim-h, eight negatives, side", cameras=("side",), encoder="sim-h"),
    "h_both": Way(says="sim-h, eight negatives, front and side", cameras=("front", "side"), encoder="sim-h"),
    "soft_side": Way(says="softmax of nine sentences, side", cameras=("side",), reward="softmax"),
    "soft_both": Way(says="softmax of nine sentences, front and side", cameras=("front", "side"), reward="softmax"),
    "h_soft_side": Way(
        says="sim-h, softmax of nine sentences, side", cameras=("side",), reward="softmax", encoder="sim-h"
    ),
    "h_soft_both": Way(
        says="sim-h, softmax of nine sentences, front and side",
        cameras=("front", "side"),
        reward="softmax",
        encoder="sim-h",
    ),
    "h_eleven_side": Way(
        says="sim-h, softmax of eleven sentences, side", cameras=("side",), reward="softmax_eleven", encoder="sim-h"
    ),
    "h_eleven_both": Way(
        says="sim-h, softmax of eleven sentences, front and side",
        cameras=("front", "side"),
        reward="softmax_eleven",
        encoder="sim-h",
    ),
    "h_eleven_sides": Way(
        says="sim-h, softmax of eleven sentences, side and nearer side",
        cameras=("side", "nearer_side"),
        reward="softmax_eleven",
        encoder="sim-h",
    ),
    "h_eleven_three": Way(
        says="sim-h, softmax of eleven sentences, front, side and nearer side",
        cameras=("front", "side", "nearer_side"),
        reward="softmax_eleven",
        encoder="sim-h",
    ),
}
