"""What a reward pays for nothing: to a random policy, to a picture that never changes, and to a black one."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float

from vlmrm.data.labelled import LabelledFrames
from vlmrm.data.task_frames import Rollouts
from vlmrm.errors import OutOfDomainWarning
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.metrics import signal_to_offset
from vlmrm.report.candidates import Candidate
from vlmrm.report.scoring import score_frames
from vlmrm.report.video import Episode
from vlmrm.rewards.protocols import FrameReward
from vlmrm.tasks import Task
from vlmrm.wrappers.make_env import with_time_limit

_STEPS, _EPISODES = 600, 3  # in all, and at least; drawing costs more than anything else here
_FILMED = 120  # steps that a page shows


@dataclass(frozen=True, kw_only=True, eq=False)
class Encounter:
    """What one reward pays where nobody tries."""

    random_mean: float
    """Mean over the steps of a random policy."""
    within_episode: float
    """Standard deviation over the steps of an episode, mean over episodes."""
    between_episodes: float
    """Standard deviation of the episodes' means."""
    signal_to_offset: float
    """Standard deviation over the steps of an episode as a share of its mean, whatever its sign: mean over episodes."""
    first: float
    """Mean of the first frames, which a policy that does nothing may keep being paid."""
    black: float
    """Score of a black picture."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Encounters:
    """Episodes of a random policy, scored."""

    episodes: int
    """Number of episodes."""
    ended_early: int
    """How many the environment ended before their time."""
    in_goal: float
    """Share of the steps in the goal."""
    begins_in_goal: bool
    """Whether most episodes begin in the goal."""
    rewards: Mapping[str, Encounter]
    """What each candidate pays."""
    films: Mapping[str, Episode]
    """The first episode with what each candidate pays for it, as long as a page shows of one."""


def meet(candidates: Sequence[Candidate], task: Task, *, seed: int = 0) -> Encounters:
    """Play a random policy in a task and score what it meets.

    Args:
        candidates: The rewards; their controls are not looked at.
        task: The task.
        seed: Seed of the first episode; others than those of labelled frames.
    """
    length = with_time_limit(task).episode_steps or 1
    episodes = max(_STEPS // length, _EPISODES)
    playing = {one.name: one.reward for one in candidates if one.reward is not None}
    alone = [Candidate(name=one.name, scorer=one.scorer) for one in candidates if one.name in playing]
    source = _Filmed(task=task, episodes=episodes, seed=seed + 10_000)
    scored = score_frames(alone, source)
    labels = scored.labels
    which = np.unique(np.array(labels.groups), return_inverse=True)[1]
    first = np.append(True, which[1:] != which[:-1])
    return Encounters(
        episodes=episodes,
        ended_early=0 if labels.terminated is None else int(labels.terminated.sum()),
        in_goal=float(labels.in_goal.mean()),
        begins_in_goal=bool(labels.in_goal[first].mean() > 0.5),
        rewards={name: _encounter(scored.scores[name], which, first, reward) for name, reward in playing.items()},
        films={name: source.film(scored.scores[name]) for name in playing},
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Filmed(Rollouts):
    """Episodes, the beginning of the first of which is kept."""

    kept: list[LabelledFrames] = field(default_factory=list)

    def batches(self, preprocessing: Preprocessing | None = None) -> Iterator[LabelledFrames]:
        for batch in super().batches(preprocessing):
            if not self.kept:
                self.kept.append(batch.take(np.arange(min(len(batch), _FILMED))))
            yield batch

    def film(self, scores: Float[np.ndarray, " n"]) -> Episode:
        """The beginning of the first episode, with what one reward pays for it."""
        (first,) = self.kept
        paid = scores[: len(first)].tolist()
        return Episode(
            frames=list(first.frames.numpy()), rewards=paid, in_goal=first.in_goal.tolist(), title="random policy"
        )


def _encounter(
    scores: Float[np.ndarray, " n"], episodes: np.ndarray, first: np.ndarray, reward: FrameReward
) -> Encounter:
    by_episode = [scores[episodes == one] for one in range(int(episodes.max()) + 1)]
    return Encounter(
        random_mean=float(scores.mean()),
        within_episode=float(np.mean([part.std() for part in by_episode])),
        between_episodes=float(np.std([part.mean() for part in by_episode])),
        signal_to_offset=float(np.mean([signal_to_offset(part) for part in by_episode])),
        first=float(scores[first].mean()),
        black=_score_black(reward),
    )


def _score_black(reward: FrameReward) -> float:
    size_px = 224 if reward.capture is None else reward.capture.size_px
    width_px = size_px * (1 if reward.spec is None else reward.spec.pictures_in_frame)
    black = torch.zeros(1, size_px, width_px, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfDomainWarning)  # no model was trained on a black picture
        return float(reward.explain(black)["score"][0])
