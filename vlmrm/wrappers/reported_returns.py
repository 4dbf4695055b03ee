"""`ReportedReturns`: what an inner `Monitor` or `RecordEpisodeStatistics` reports at the end of an episode is ours."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

EPISODE, RETURN, ENV_RETURN, FINAL_INFO = "episode", "r", "env_r", "final_info"
"""Keys: the statistics in an info; in them our return and the environment's own; infos of episodes that ended."""
_DIGITS = 6  # as `Monitor` rounds


class ReportedReturns:
    """Sums up what the agent is paid and puts it into the statistics that something inside reports.

    Whoever measures an agent, as `evaluate_policy` and `EvalCallback` of Stable-Baselines3 do, reads
    ``info["episode"]["r"]``, which a `Monitor` inside counted from the environment's own rewards. Those move to
    ``info["episode"]["env_r"]``. An episode is what the statistics take for one: it ends where they report.

    Args:
        num_envs: Number of episodes that run side by side.

    Example:
        >>> returns, going_on, over = ReportedReturns(num_envs=1), np.array([False]), np.array([True])
        >>> returns.add(np.array([0.25]), going_on, [{}])
        [{}]
        >>> returns.add(np.array([0.25]), over, [{"episode": {"r": -2.0, "l": 2}}])
        [{'episode': {'r': 0.5, 'l': 2, 'env_r': -2.0}}]
    """

    def __init__(self, num_envs: int) -> None:
        self._running = np.zeros(num_envs)
        self._ended = np.ones(num_envs, dtype=np.bool_)

    def restart(self, which: Bool[np.ndarray, " e"] | None = None) -> None:
        """Forget episodes that a reset cuts off.

        One that has ended without a report goes on after the reset, as a game does when a life is lost.

        Args:
            which: Environments that are reset; None: all.
        """
        self._running[~self._ended if which is None else which & ~self._ended] = 0.0

    def add(
        self, paid: Float[np.ndarray, " e"], ended: Bool[np.ndarray, " e"], infos: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return the infos of one step.

        Args:
            paid: Rewards that the agent got.
            ended: Whose episode has ended inside.
            infos: As they come from inside, one for each environment.
        """
        self._count(paid, ended)
        return [self._ours(info, np.array(index)) for index, info in enumerate(infos)]

    def add_vector(
        self, paid: Float[np.ndarray, " e"], ended: Bool[np.ndarray, " e"], infos: dict[str, Any]
    ) -> dict[str, Any]:
        """`add` for Gymnasium's vector environments, which have one info of arrays.

        Args:
            paid: Rewards that the agent got.
            ended: Whose episode has ended inside.
            infos: As they come from inside.
        """
        self._count(paid, ended)
        found = self._ours(infos, infos.get(f"_{EPISODE}"))
        if FINAL_INFO in found:
            last = found[FINAL_INFO]
            found = found | {FINAL_INFO: self._ours(last, last.get(f"_{EPISODE}"))}
        return found

    def _count(self, paid: Float[np.ndarray, " e"], ended: Bool[np.ndarray, " e"]) -> None:
        self._running += paid
        self._ended = ended.copy()

    def _ours(self, info: dict[str, Any], which: np.ndarray | None) -> dict[str, Any]:
        """An info with our returns, where it reports any of the environments `which`: an index, or a mask."""
        reported = info.get(EPISODE)
        if not isinstance(reported, Mapping) or RETURN not in reported or which is None:
            return info
        ours = self._running.round(_DIGITS)
        self._running[which] = 0.0
        shown = np.where(which, ours, 0.0) if which.ndim else float(ours[which])
        return info | {EPISODE: {**reported, RETURN: shown, ENV_RETURN: reported[RETURN]}}
