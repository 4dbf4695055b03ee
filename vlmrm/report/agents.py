"""Whether a reward ranks agents as the environment's own return does, over episodes that they play."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from vlmrm.data.labelled import LabelledFrames, SeveralSources
from vlmrm.data.task_frames import Policy, Rollouts
from vlmrm.errors import SpecError
from vlmrm.metrics import kendall
from vlmrm.report.candidates import Candidate
from vlmrm.report.scoring import score_frames
from vlmrm.tasks import Task

_SEED = 20_000  # other episodes than those of labelled frames, and of a random policy's encounter


@dataclass(frozen=True, kw_only=True)
class AgentResult:
    """What one agent did in the episodes that were drawn for a page."""

    name: str
    """Name of the agent on the page."""
    episodes: int
    """Number of episodes."""
    in_goal: float
    """Share of the steps in the goal, by the simulator."""
    env_return: float
    """Mean sum of the environment's own rewards."""
    reward: float
    """Mean text reward per step."""


@dataclass(frozen=True, kw_only=True)
class AgentRanks:
    """Agents by one reward and by the environment's own."""

    agents: Sequence[AgentResult]
    """Result of each agent."""
    kendall: float | None
    """Kendall's tau of text return and the environment's own over all episodes; None: all of one of them are alike."""


def episodes_of(task: Task, agents: Mapping[str, Policy], *, episodes: int) -> SeveralSources:
    """Return the episodes of agents as one source, all from the same seeds.

    Args:
        task: The task that they act in.
        agents: The agents by their names, at least one.
        episodes: Episodes of each.
    """
    sources = [
        Rollouts(task=task, episodes=episodes, seed=_SEED, policy=policy, policy_name=name)
        for name, policy in agents.items()
    ]
    return SeveralSources(sources=sources)


def rank_agents(
    candidates: Sequence[Candidate], task: Task, agents: Mapping[str, Policy], *, episodes: int
) -> dict[str, AgentRanks]:
    """Let agents play, and rank them by each reward.

    Args:
        candidates: The rewards; scores made elsewhere know no other frames, and are left out.
        task: The task that they act in.
        agents: The agents by their names, at least one.
        episodes: Episodes of each.

    Raises:
        SpecError: There are scores made elsewhere alone, or no agent.
    """
    asked = [Candidate(name=one.name, scorer=one.scorer) for one in candidates if one.reward is not None]
    if not asked or not agents or episodes < 1:
        raise SpecError(
            "to rank agents needs a reward that can score new frames, an agent and an episode; got "
            f"{len(asked)} such rewards, {len(agents)} agents and {episodes} episodes."
        )
    scored = score_frames(asked, episodes_of(task, agents, episodes=episodes))
    return {name: ranks_of(scores, scored.labels, agents) for name, scores in scored.scores.items()}


def ranks_of(scores: Float[np.ndarray, " n"], labels: LabelledFrames, agents: Iterable[str]) -> AgentRanks:
    """Return the agents of some episodes by one reward and by the environment's own.

    Args:
        scores: One per frame.
        labels: What is known of the frames, those of `episodes_of`.
        agents: Names of the agents.
    """
    groups: Any = np.array(labels.groups)
    own = np.zeros(len(labels)) if labels.env_rewards is None else labels.env_rewards
    names = list(dict.fromkeys(labels.groups))
    texts, owns = ([float(column[groups == name].sum()) for name in names] for column in (scores, own))
    told = len(set(texts)) > 1 and len(set(owns)) > 1
    return AgentRanks(
        agents=[_agent(name, scores, own, labels) for name in agents],
        kendall=kendall(texts, owns) if told else None,
    )


def _agent(
    name: str, scores: Float[np.ndarray, " n"], own: Float[np.ndarray, " n"], labels: LabelledFrames
) -> AgentResult:
    episodes = [group for group in dict.fromkeys(labels.groups) if group.startswith(f"{name}, episode ")]
    rows = np.isin(np.array(labels.groups), episodes)
    return AgentResult(
        name=name,
        episodes=len(episodes),
        in_goal=float(labels.in_goal[rows].mean()),
        env_return=float(own[rows].sum()) / len(episodes),
        reward=float(scores[rows].mean()),
    )
