"""The sentences of a reward: what is wanted (goal) and what the plain scene looks like (baseline)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vlmrm.errors import PromptError, near_matches


@dataclass(frozen=True)
class PromptSet:
    """Goal and baseline sentences; several of one kind are averaged in embedding space.

    Args:
        goal: One sentence or several, describing the picture that is wanted; a state, not an action.
        baseline: One sentence or several, describing the scene without the goal. May be left out where alpha is 0.

    Raises:
        PromptError: A sentence is empty or not text, there is no goal, or a sentence is goal and baseline at once.

    Example:
        >>> PromptSet("a humanoid robot kneeling", "a humanoid robot")
        PromptSet(goal=('a humanoid robot kneeling',), baseline=('a humanoid robot',))
    """

    goal: tuple[str, ...]
    """What is wanted."""
    baseline: tuple[str, ...] = ()
    """The plain scene; empty: no projection is possible."""

    def __init__(self, goal: str | Sequence[str], baseline: str | Sequence[str] = ()) -> None:
        object.__setattr__(self, "goal", _sentences("goal", goal))
        object.__setattr__(self, "baseline", _sentences("baseline", baseline))
        if not self.goal:
            raise PromptError("no goal was given. Describe what the picture should show, e.g. 'a robot kneeling'.")
        both = set(self.goal) & set(self.baseline)
        if both:
            raise PromptError(
                f"goal and baseline share a sentence, so there is no direction to project on: {min(both)!r}. "
                "Describe the plain scene in baseline, e.g. 'a humanoid robot'."
            )

    def to_dict(self) -> dict[str, list[str]]:
        """As plain lists, for JSON and TOML."""
        return {"goal": list(self.goal), "baseline": list(self.baseline)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "PromptSet":
        """The inverse of `to_dict`; a sentence may stand without its list.

        Raises:
            PromptError: A key is unknown or the goal is missing.
        """
        for key in values:
            if key not in ("goal", "baseline"):
                raise PromptError(f"unknown key {key!r} in prompts. Near: {near_matches(key, ('goal', 'baseline'))}.")
        return cls(*(_sentences(role, values.get(role, ())) for role in ("goal", "baseline")))


def _sentences(role: str, given: Any) -> tuple[str, ...]:
    """Checked here, not only in the type: prompts come from TOML and JSON files as well."""
    if not isinstance(given, str | Sequence):
        raise PromptError(f"{role} must be a sentence or a list of sentences; got {given!r}.")
    sentences = (given,) if isinstance(given, str) else tuple(given)
    for sentence in sentences:
        if not isinstance(sentence, str):
            raise PromptError(f"{role} must be a sentence or a list of sentences; got {sentence!r}.")
        if not sentence.strip():
            raise PromptError(f"{role} has an empty sentence: {list(sentences)!r}. Leave it out or write what is seen.")
    return tuple(sentence.strip() for sentence in sentences)
