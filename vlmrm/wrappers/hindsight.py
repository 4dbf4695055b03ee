"""Hindsight replay (HER) is refused by every wrapper: it would mix the environment's own rewards with ours."""

from typing import Any, NoReturn

from vlmrm.errors import PairingError

COMPUTE_REWARD = "compute_reward"
"""Method by which hindsight replay asks an environment for rewards."""


def refuse_hindsight() -> NoReturn:
    """Raise what hindsight replay is told.

    Raises:
        PairingError: Always.
    """
    raise PairingError(
        "HerReplayBuffer makes up rewards anew with the environment's own compute_reward(), and those would be mixed "
        "with the rewards of the pictures. Use a plain replay buffer: leave replay_buffer_class out."
    )


class RefuseHindsight:
    """Mixin of a wrapper whose environment may have a `compute_reward`, which is not reached through it."""

    def compute_reward(self, achieved_goal: Any, desired_goal: Any, info: Any) -> NoReturn:
        """Refuse to reward a goal that was not pursued, since no picture shows it.

        Args:
            achieved_goal: Goal that was reached.
            desired_goal: Goal that the reward would be for.
            info: Info of the step.

        Raises:
            PairingError: Always.
        """
        refuse_hindsight()
