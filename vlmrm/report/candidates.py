"""The rewards that a report compares, each with the controls that say whether its numbers mean anything.

An AUROC says nothing without its control: with a model that is blind to a task, a sentence about a zebra may rank its
goal states first by chance, and reach what the right sentence reaches.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vlmrm.errors import SpecError, VlmrmError
from vlmrm.report.placing import placed
from vlmrm.report.scorers import BASELINE, UNTRAINED, AnyReward, Encoders, Scorer, scorer_of
from vlmrm.rewards.protocols import FrameReward
from vlmrm.rewards.spec import RewardSpec
from vlmrm.tasks import Task


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A reward to be judged."""

    name: str
    """What the report calls it."""
    scorer: Scorer
    """What gives frames their scores."""
    controls: Mapping[str, Scorer] = field(default_factory=dict)
    """Rewards that ought to be worthless, by what they are."""
    without: Mapping[str, str] = field(default_factory=dict)
    """Controls that cannot be made of this reward, each with the reason."""

    @property
    def reward(self) -> FrameReward | None:
        """What can be asked about any frame. None: it was scored elsewhere."""
        return self.scorer.reward

    @property
    def spec(self) -> RewardSpec | None:
        """The spec. None: it has none."""
        return self.scorer.spec

    @property
    def fingerprint(self) -> str | None:
        """Which weights it reads with. None: unknown."""
        return self.scorer.fingerprint


def candidates_of(
    rewards: Mapping[str, AnyReward] | AnyReward,
    *,
    alphas: Sequence[float] = (),
    controls: bool = True,
    task: Task | None = None,
) -> list[Candidate]:
    """Return what is to be judged, with the controls of each.

    Args:
        rewards: One reward, or several by the names that the report gives them.
        alphas: Alphas to compare for each plain projection; none: its own.
        controls: Whether to make controls.
        task: Task whose frames they score, which completes specs by its cameras and its quality of pictures.

    Raises:
        SpecError: If there is no reward, alphas are given and none of the rewards can take them, or a name stands for
            two, or a reward joins cameras that the task does not have.
    """
    encoders = Encoders()
    given = rewards.items() if isinstance(rewards, Mapping) else [(None, rewards)]
    found: dict[str, Scorer] = {}
    taken = False
    for name, reward in given:
        scorer = placed(scorer_of(reward, encoders), task)
        by_alpha = scorer.with_alphas(alphas)
        taken = taken or bool(by_alpha)
        for label, one in _labelled(scorer.title if name is None else name, scorer, by_alpha):
            if label in found:
                raise SpecError(f"two rewards of the report are called {label!r}. Give them different names.")
            found[label] = one
    if not found:
        raise SpecError("no reward was given to judge.")
    if alphas and not taken:
        raise SpecError("alphas belong to plain projections, and none of the rewards is one.")
    if not controls:
        return [Candidate(name=name, scorer=scorer) for name, scorer in found.items()]
    return [_with_controls(name, scorer, encoders) for name, scorer in found.items()]


def _labelled(name: str, scorer: Scorer, by_alpha: Mapping[float, Scorer]) -> Iterator[tuple[str, Scorer]]:
    if not by_alpha:
        yield name, scorer
    for alpha, one in by_alpha.items():
        yield f"{name}, alpha {alpha:g}", one


def _with_controls(name: str, scorer: Scorer, encoders: Encoders) -> Candidate:
    makers = scorer.controls()
    if not makers:
        why = "it has no sentence that could be exchanged"
        return Candidate(name=name, scorer=scorer, without=dict.fromkeys(("other sentences", BASELINE, UNTRAINED), why))
    made: dict[str, Scorer] = {}
    without: dict[str, str] = {}
    for control, make in makers.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a model knows no zebra is the point
            try:
                made[control] = make(encoders)
            except VlmrmError as error:
                without[control] = str(error)
    return Candidate(name=name, scorer=scorer, controls=made, without=without)
