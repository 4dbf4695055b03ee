"""`SurvivalWatch`: whether a reward pays for long episodes whatever they show."""

import numpy as np
from jaxtyping import Bool, Float32

from vlmrm.errors import SurvivalBonusWarning, warn_user
from vlmrm.rewards.protocols import FrameReward
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.transforms.scaling import ScalingOptions
from vlmrm.tables import write_table


class SurvivalWatch:
    """Warns where episodes end early under a reward with a large constant part.

    A reward of 0.25 ± 0.03 pays 0.25 for every further step whatever it shows. Where the environment ends episodes
    early this is a bonus for staying alive, and where it is negative one for dying; with episodes of one length it
    does nothing.
    """

    def __init__(self) -> None:
        self._warned = False
        self._count, self._sum, self._sum_squares = 0, 0.0, 0.0

    def watch(
        self, reward: FrameReward, rewards: Float32[np.ndarray, " n"], terminated: Bool[np.ndarray, " n"]
    ) -> None:
        """Look at some steps, and warn once.

        Args:
            reward: The reward that pays.
            rewards: What it paid for each step.
            terminated: Whether the step ended its episode other than by a time limit.
        """
        if self._warned or not len(rewards):
            return
        self._count += len(rewards)
        self._sum += float(rewards.sum(dtype=np.float64))
        self._sum_squares += float(np.square(rewards, dtype=np.float64).sum())
        if not terminated.any():
            return
        mean = self._sum / self._count
        spread = max(self._sum_squares / self._count - mean**2, 0.0) ** 0.5
        if abs(mean) <= spread:
            return
        self._warned = True
        wish = "stay in the episode" if mean > 0 else "end the episode"
        warn_user(
            f"an episode terminated before its time limit, and the reward is {mean:.3f} on average with a spread of "
            f"only {spread:.3f}: every further step counts {mean:.3f} whatever it shows, so the agent is paid to "
            f"{wish}. Use episodes of one length ended by truncation{_without_constant(reward.spec, mean)}.",
            SurvivalBonusWarning,
        )


def _without_constant(spec: RewardSpec | None, mean: float) -> str:
    """What to write into the spec so that the constant part is gone, where there is such a thing."""
    if spec is None:
        return f", or take the constant off in the function: {mean:.3f}"
    if spec.threshold is not None or spec.over_time is not None:
        return ""
    moved = write_table((spec.scaling or ScalingOptions()).less(mean))
    words = ", ".join(f"{name} = {value:.4g}" for name, value in moved.items())
    return f", or take the constant off: scaling = {{ {words} }}"
