"""Rewards to try: the same with other sentences, several of them averaged, rivals, baselines and alphas."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError, VlmrmError
from vlmrm.prompts import PromptSet
from vlmrm.rewards.rewording import reworded
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.transforms import ORDER
from vlmrm.tasks import Task, all_tasks

_RIVAL_HEADS = ("contrast", "softmax")


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A reward to try."""

    name: str
    """What tables call it."""
    spec: RewardSpec
    """The whole reward."""


def propose(prompts: PromptSet, sentences: Sequence[str] = ()) -> list[PromptSet]:
    """Return the prompts with another goal sentence each.

    Args:
        prompts: Goal sentences to reword, and the baseline and negatives that all keep.
        sentences: Further goal sentences.

    Example:
        >>> [said.goal[0] for said in propose(PromptSet("a zebra"), ["a horse"])][:3]
        ['a horse', 'the zebra', 'zebra']
    """
    taken = {*prompts.baseline, *prompts.negatives, *(prompts.goal if len(prompts.goal) == 1 else ())}
    found = dict.fromkeys([*sentences, *prompts.goal, *(one for goal in prompts.goal for one in reworded(goal))])
    return [PromptSet(goal, prompts.baseline, prompts.negatives) for goal in found if goal not in taken]


def known_words_only(encoder: Encoder, sentences: Iterable[str]) -> tuple[list[str], int]:
    """Return the sentences whose words a model knows, and how many others there are.

    Args:
        encoder: The model; of one that says nothing of what it knows, all sentences are kept.
        sentences: Sentences to try.
    """
    given = list(dict.fromkeys(sentences))
    domain = encoder.domain
    if domain is None:
        return given, 0
    kept = [one for one in given if not any(domain.strange_words(one).values())]
    return kept, len(given) - len(kept)


def rivals_of(task: Task | None, prompts: PromptSet) -> list[str]:
    """Return sentences that stand for something else than the goal: the scene's other goals.

    Args:
        task: The task. None: it is not known, and neither are other goals.
        prompts: Sentences of the reward, which are no rivals.
    """
    if task is None:
        return []
    others = (one.reward.prompts for one in all_tasks().values() if one.env_id == task.env_id and one.name != task.name)
    said = (goal for other in others if other is not None for goal in other.goal)
    return [one for one in dict.fromkeys(said) if one not in (*prompts.goal, *prompts.baseline)]


def plain_spec(spec: RewardSpec) -> tuple[RewardSpec, list[str]]:
    """Return a spec without what hides how well its sentences rank, and a remark about it.

    Args:
        spec: Any spec with prompts. A threshold makes 0 and 1 of scores, few-shot frames and a judge decide whatever
            the sentence says, and what looks back has no score of a single frame.
    """
    words = [word for word in (*ORDER, "over_time") if getattr(spec, word) is not None]
    dropped: dict[str, Any] = dict.fromkeys(words)
    remarks = [f"Searched without {', '.join(words)}, which the winner does not have either."] if words else []
    return replace(spec, **dropped), remarks


def require_goal(spec: RewardSpec) -> None:
    """Refuse a reward whose goal sentences decide nothing.

    Args:
        spec: Any spec.

    Raises:
        SpecError: If there are none, or the head has its own.
    """
    spec.require_prompts()
    if not spec.reads_goal or spec.options.is_fitted:
        raise SpecError(
            f"the head {spec.head!r} was fitted, or has sentences of its own, or a camera has: another goal changes "
            'nothing, or not all. Search for a sentence with head = "projection", and without cameras.prompts.'
        )


def with_goal(spec: RewardSpec, goal: str | Sequence[str]) -> Proposal:
    """Return a reward with another goal."""
    prompts = spec.require_prompts()
    said = (goal,) if isinstance(goal, str) else tuple(goal)
    name = f"“{said[0]}”" if len(said) == 1 else f"{len(said)} sentences, first “{said[0]}”"
    return Proposal(name=name, spec=replace(spec, prompts=PromptSet(said, prompts.baseline, prompts.negatives)))


def forms_of(proposal: Proposal, *, alphas: Sequence[int | float], rivals: Sequence[str]) -> Iterator[Proposal]:
    """Yield a reward with other alphas, and with the heads that compare its goal with rivals.

    Args:
        proposal: The reward.
        alphas: Shares of the projection to try, where there is a baseline.
        rivals: Sentences that stand for something else.

    Yields:
        Rewards that can be built from these sentences.
    """
    spec, prompts = proposal.spec, proposal.spec.require_prompts()
    for alpha in alphas if prompts.baseline else ():
        changed = {"head": "projection", "options": None, "alpha": float(alpha)}
        yield from _if_possible(f"{proposal.name}, alpha {alpha:g}", spec, prompts, changed)
    negatives = [one for one in rivals if one not in prompts.goal]
    of_baseline = [one for one in prompts.baseline if one not in prompts.goal]
    kinds = {"baseline": of_baseline, "rivals": negatives, "rivals and baseline": [*negatives, *of_baseline]}
    for kind, said in kinds.items():
        if not said or (kind == "rivals and baseline" and not (negatives and of_baseline)):
            continue
        against = PromptSet(prompts.goal, (), said)
        for head in _RIVAL_HEADS:
            changed = {"head": head, "options": None, "alpha": None}
            yield from _if_possible(f"{proposal.name}, {head} with {kind}", spec, against, changed)


def _if_possible(name: str, spec: RewardSpec, prompts: PromptSet, changed: dict[str, Any]) -> Iterator[Proposal]:
    """One reward; none where words of the spec exclude it."""
    try:
        found = replace(spec, prompts=prompts, **changed)
    except VlmrmError:
        return
    if found != spec:
        yield Proposal(name=name, spec=found)
