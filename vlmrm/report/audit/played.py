"""`Played`: episodes of a task, scored, for probes of what is paid where nobody tries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import Float, Int

from vlmrm.data.labelled import LabelledFrames
from vlmrm.data.task_frames import Act, Policy, Rollouts, random_policy
from vlmrm.errors import FrameError, SpecError
from vlmrm.report.scorers import Scorer
from vlmrm.rewards.features import FrameFeatures
from vlmrm.tasks import Task
from vlmrm.wrappers.make_env import with_time_limit

_STEPS, _EPISODES = 600, 5  # in all, and at least: fewer episodes give no interval


@dataclass(frozen=True, kw_only=True, eq=False)
class Played:
    """Episodes of one policy, scored frame by frame."""

    policy: str
    """What the policy is called."""
    labels: LabelledFrames
    """All frames, episode after episode."""
    seen: FrameFeatures
    """What the reward read in each frame."""
    scores: Float[np.ndarray, " n"]
    """Score of each frame by itself."""

    @property
    def episodes(self) -> Mapping[str, Int[np.ndarray, " t"]]:
        """Numbers of the frames of each episode, in the order of time, by its name."""
        names: Any = np.array(self.labels.groups)
        return {name: np.flatnonzero(names == name) for name in dict.fromkeys(self.labels.groups)}

    @property
    def ended_early(self) -> int:
        """How many episodes the environment ended before their time."""
        return 0 if self.labels.terminated is None else int(self.labels.terminated.sum())

    @property
    def ended_in_goal(self) -> int:
        """How many of these were in the goal when they were ended."""
        return 0 if self.labels.terminated is None else int((self.labels.terminated & self.labels.in_goal).sum())


def play(
    scorer: Scorer, task: Task, *, seed: int, policy: Policy = random_policy, name: str = "random policy"
) -> Played:
    """Play episodes of a task and score their frames.

    Args:
        scorer: The reward, of a `FrameReward`.
        task: The task.
        seed: Seed of the first episode.
        policy: Chooses the actions.
        name: What the policy is called.

    Raises:
        SpecError: The reward is a table of scores, which knows no other picture.
        FrameError: The task gave no frame whose state is known.
    """
    if scorer.reward is None:
        raise SpecError(f"{scorer.name} is a table of scores, which knows no picture of an episode.")
    length = with_time_limit(task).episode_steps or 1
    episodes = max(_STEPS // length, _EPISODES)
    source = Rollouts(task=task, episodes=episodes, seed=seed, policy=policy, policy_name=name)
    parts = [batch for batch in source.batches(scorer.capture) if len(batch)]
    if not parts:
        raise FrameError(f"{task.name} reports no state, so nothing is known of the frames of its episodes.")
    labels = LabelledFrames.join(parts)
    seen = scorer.reward.read(labels.frames)
    scores = scorer.reward.explain(seen)["score"].detach().double().cpu().numpy()
    return Played(policy=name, labels=labels, seen=seen, scores=scores)


def same_action(env: gym.Env[Any, Any], seed: int) -> Act:
    """Return what does nothing: zeros where actions are numbers, else always the first action.

    Args:
        env: The environment.
        seed: Not used: nothing is drawn.
    """
    space = env.action_space
    still: Any = np.zeros(space.shape, space.dtype) if isinstance(space, gym.spaces.Box) else _first(space)
    return lambda observation, first: still


def _first(space: gym.Space[Any]) -> Any:
    if isinstance(space, gym.spaces.Discrete):
        return space.start
    raise SpecError(f"nobody knows which action of {space} does nothing.")
