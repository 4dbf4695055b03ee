"""`Summary`: what came out of a run, the same as ``summary.json``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from vlmrm.atomic import write_json
from vlmrm.errors import RunError
from vlmrm.training.episodes import Evaluation
from vlmrm.training.run.metrics import MetricsRow


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The results of a finished run. Success is judged on the simulator's state, never on a reward."""

    run: Path
    """The run's folder."""
    task: str
    """Name of the task, or the environment's id."""
    reward: str
    """The encoder's name, or ``env`` for the environment's own reward."""
    algorithm: str
    """Name of the agent's algorithm."""
    seed: int
    """Random seed of the run."""
    steps: int
    """Environment steps that were taken."""
    time_s: float
    """Wall time of training with its evaluations."""
    steps_per_s: float | None
    """Median over the rows of ``metrics.csv``, evaluations not counted."""
    frames_per_s: float | None
    """Frames scored per second of scoring, likewise."""
    random: Evaluation
    """Evaluation of a policy that acts at random."""
    trained: Evaluation
    """Evaluation of the agent at the end."""
    env_reward: Evaluation | None = None
    """Agent of the same algorithm and steps on the environment's own reward. None: not asked for."""
    success_target: float
    """Share of successes that counts as learnt."""
    steps_to_success: int | None
    """First of two consecutive evaluations at the target; None: never."""
    env_reward_steps_to_success: int | None = None
    """Steps to success on the environment's own reward. None: never, or not asked for."""
    best: Mapping[str, Any] | None = None
    """Step and numbers of the best evaluation during training, whose agent is kept too; chosen by true success unless
    the run said `best_by`."""
    env_reward_best: Mapping[str, Any] | None = None
    """Best evaluation on the environment's own reward."""
    files: Mapping[str, str]
    """What the run wrote, by kind."""

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, asdict(self) | {"run": str(self.run)})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Summary":
        """From the contents of ``summary.json``.

        Raises:
            RunError: They are not of this kind.
        """
        given = {entry.name: values.get(entry.name) for entry in fields(cls)}
        try:
            for name in ("random", "trained", "env_reward"):
                part: Any = given[name]
                given[name] = None if part is None else Evaluation(**part)
            return cls(**given | {"run": Path(values["run"])})  # type: ignore[arg-type]
        except (KeyError, TypeError) as error:
            raise RunError(f"no summary of a run: {type(error).__name__}: {error}") from error


def steps_to_success(rows: Iterable[MetricsRow], target: float) -> int | None:
    """The step of the first of two consecutive evaluations whose success reaches the target.

    One lucky evaluation does not count.

    Args:
        rows: Rows of ``metrics.csv``, in order.
        target: Share of successes.

    Example:
        >>> success = [0.0, 0.95, 0.2, 0.9, 1.0]
        >>> rows = [MetricsRow(step=1000 * i, time_s=0.0, eval_success=s) for i, s in enumerate(success)]
        >>> steps_to_success(rows, 0.9)
        3000
    """
    judged = [(row.step, row.eval_success) for row in rows if row.eval_success is not None]
    for (step, success), (_, following) in pairwise(judged):
        if success >= target and following >= target:
            return step
    return None


def median_of(rows: Sequence[MetricsRow], column: str) -> float | None:
    """The median of a column of ``metrics.csv``; None: it is empty."""
    values = sorted(value for row in rows if (value := getattr(row, column)) is not None)
    return float(values[len(values) // 2]) if values else None
