"""`PartingWatch`: says while an agent trains that its reward rises and its success does not."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vlmrm.atomic import write_json
from vlmrm.errors import RunError
from vlmrm.report.parting import WINDOW, Parting, partings
from vlmrm.training.budget import MOST_VIDEOS
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run.metrics import MetricsRow

_LOG = logging.getLogger(__name__)
# In standard errors. Where noise has no say, nearly all of simulated runs with 20 evaluations that learn nothing part
# by chance; at 3 it is one of twenty, and runs that are paid for something else are still found.
_CLEAR = 3.0
_NOISY_WINDOW = 7  # evaluations of a second reward that are looked at together


@dataclass(frozen=True, kw_only=True)
class Announced:
    """A parting that was announced while the agent trained."""

    parting: Parting
    """The parting as it was known then."""
    against: str = "success"
    """What the reward parts from: ``success``, or the ``second reward``."""
    video: str | None
    """Name of the video of the agent at its end, in the run's folder. None: none was recorded."""

    @property
    def sentence(self) -> str:
        """What parts, and where; for terminals."""
        found = self.parting
        change = round(found.truth_change, 2)
        success = f"{'down' if change < 0 else 'up'} by {abs(change):.2f}" if change else "the same"
        return (
            f"text reward up by {found.reward_change:.3g}, {self.against} {success} over steps {found.first_step:,} to "
            f"{found.last_step:,}"
        )


class PartingWatch:
    """Looks at a run after each evaluation and announces each parting once, also where the run was resumed.

    Args:
        run: Folder of the run.
        record: Records an episode of the agent as it is now as a video, or leaves it where the run makes none.
    """

    def __init__(self, run: RunDirectory, record: Callable[[Path], None]) -> None:
        self._run, self._record = run, record

    def look(self) -> str | None:
        """Return what to tell of a parting that ends with the newest row. None: there is none, or it is known.

        Raises:
            StopNow: Somebody asked to stop while the video was made; the parting is announced another time.
        """
        rows = self._run.metrics.read()
        known = read_announced(self._run)
        new = [
            (against, one)
            for against, partings_from in PARTINGS.items()
            for one in partings_from(rows)
            if one.last_step == rows[-1].step and not _goes_on(one, against, known)
        ]
        if not new:
            return None
        made = sum(one.video is not None for one in known)
        video = self._film(new[0][1].last_step) if made < MOST_VIDEOS else None
        found = Announced(parting=new[0][1], against=new[0][0], video=video)
        write_json(self._run.partings, [asdict(one) for one in (*known, found)])
        return f"{found.sentence}: look at {video or f'what the agent does: vlmrm play {self._run.path}'}"

    def _film(self, step: int) -> str | None:
        path = self._run.path / f"parting-{step}.mp4"
        try:
            self._record(path)
        except Exception as error:  # whatever a renderer may raise: a training is worth more than a video
            _LOG.warning("%s could not be recorded: %s", path.name, error)
        return path.name if path.is_file() else None


def partings_of(rows: Sequence[MetricsRow]) -> list[Parting]:
    """Return where the text reward of training and success part, as far as noise cannot explain it.

    The reward has to rise by three times the error of its line, and to rise faster than success, both as shares of
    their spans, by three times the error of both lines.

    Args:
        rows: Rows of ``metrics.csv``; those that lack a reward or a success are left out where these count.

    Example:
        >>> rows = [MetricsRow(step=i, time_s=0.0, train_vlm_reward=i / 9, eval_success=0.5) for i in range(10)]
        >>> [(one.first_step, one.last_step) for one in partings_of(rows)]
        [(0, 9)]
    """
    return _partings_from(rows, [(row.step, row.eval_success) for row in rows if row.eval_success is not None])


def second_partings_of(rows: Sequence[MetricsRow]) -> list[Parting]:
    """Return where the text reward of training and a second reward part; as `partings_of`.

    A second reward has no end that counts as reached, and a single drawn episode is noisy: it is looked at from its own
    maximum, and over more evaluations.

    Args:
        rows: Rows of ``metrics.csv``.
    """
    scores = [(row.step, row.eval_second_reward) for row in rows if row.eval_second_reward is not None]
    highest = max((score for _, score in scores), default=0.0)
    return _partings_from(rows, [(step, score - highest) for step, score in scores], window=_NOISY_WINDOW)


PARTINGS: Mapping[str, Callable[[Sequence[MetricsRow]], list[Parting]]] = {
    "success": partings_of,
    "second reward": second_partings_of,
}
"""What a text reward is compared with, by name."""


def _partings_from(
    rows: Sequence[MetricsRow], truth_at: Sequence[tuple[int, float]], *, window: int = WINDOW
) -> list[Parting]:
    rewards = [(row.step, row.train_vlm_reward) for row in rows if row.train_vlm_reward is not None]
    rewarded = dict(rewards)
    success = [point for point in truth_at if point[0] in rewarded]
    steps, truth = [step for step, _ in success], [value for _, value in success]
    return [
        found
        for found in partings(steps, [rewarded[step] for step in steps], truth, window=window)
        if _is_clear(_rise(rewards, found), _rise(success, found))
    ]


def read_announced(run: RunDirectory) -> list[Announced]:
    """Return the partings that were announced in a run so far.

    Raises:
        RunError: The file is damaged.
    """
    if not run.partings.exists():
        return []
    try:
        return [
            Announced(**{**one, "parting": Parting(**one["parting"])})  # of earlier versions all were about success
            for one in run.read_json(run.partings)
        ]
    except (KeyError, TypeError) as error:
        raise RunError(f"{run.partings} is damaged: {type(error).__name__}: {error}. Delete it.") from error


def _goes_on(found: Parting, against: str, known: Sequence[Announced]) -> bool:
    """Whether it was announced already: one that goes on is not another one."""
    last = [one.parting.last_step for one in known if one.against == against]
    return bool(last) and found.first_step <= last[-1]


def _is_clear(reward: tuple[float, float], success: tuple[float, float]) -> bool:
    rises = reward[0] > _CLEAR * reward[1]
    return rises and reward[0] - success[0] > _CLEAR * float(np.hypot(reward[1], success[1]))


def _rise(points: Sequence[tuple[int, float]], parting: Parting) -> tuple[float, float]:
    """The rise of a straight line through the points of a parting and its standard error, as shares of all points'."""
    span = max(float(np.ptp([value for _, value in points])), 1e-9)
    inside: Any = np.array([point for point in points if parting.first_step <= point[0] <= parting.last_step])
    steps, values = inside.T
    times = (steps - steps.mean()) / np.ptp(steps)
    slope, middle = np.polyfit(times, values, 1)
    squares = float(np.square(values - slope * times - middle).sum()) / (len(values) - 2)
    return float(slope) / span, float(np.sqrt(squares / np.square(times).sum())) / span
