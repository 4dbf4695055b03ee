"""How near frames come to the goal sentence, beside sentences about something else and others about the scene."""

from collections.abc import Mapping
from dataclasses import dataclass

from vlmrm.prompts import PromptSet
from vlmrm.report.scorers import NONSENSE

HARDLY_ABOUT = 0.5
"""Share below which a sentence is hardly about the scene."""


@dataclass(frozen=True, kw_only=True)
class Nearness:
    """Highest cosine of any frame with some sentences."""

    goal: float
    """With the goal."""
    nonsense: float
    """With sentences about something else."""
    best: float
    """With the nearest of the scene's other sentences; that of the goal where there is none."""
    other: str | None
    """The nearest of the scene's other sentences. None: there is none."""

    @property
    def share(self) -> float:
        """How far the goal is from nonsense, at 0, to the scene's other sentences, at 1.

        Example:
            >>> Nearness(goal=0.2, nonsense=0.1, best=0.5, other="a pole").share
            0.25
        """
        away, scene = self.goal - self.nonsense, self.best - self.nonsense
        if away <= 0:
            return 0.0
        return away / scene if scene > 0 else 1.0


def nearness_of(prompts: PromptSet, cosines: Mapping[str, float]) -> Nearness:
    """Return how near frames come to a reward's goal.

    Args:
        prompts: Sentences of the reward.
        cosines: Highest cosine of any frame with each sentence, those about something else included.
    """
    goal = max(cosines[sentence] for sentence in prompts.goal)
    others = {said: cosine for said, cosine in cosines.items() if said not in (*NONSENSE, *prompts.goal)}
    nearest = max(others, key=lambda said: others[said], default=None)
    return Nearness(
        goal=goal,
        nonsense=max(cosines[sentence] for sentence in NONSENSE),
        best=goal if nearest is None else others[nearest],
        other=nearest,
    )
