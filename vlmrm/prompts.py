"""The sentences of a reward: what is wanted (goal), the plain scene (baseline), and what is not wanted (negatives)."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vlmrm.errors import PromptError

_FILE = re.compile(r"\S+\.(txt|toml|json|csv|ya?ml|png|jpe?g|gif|mp4|npy)", re.IGNORECASE)


def _sentences(given: Any, role: str) -> tuple[str, ...]:
    """Checked here, not only in the type: prompts come from TOML and JSON files as well."""
    if not isinstance(given, str | Sequence):
        raise PromptError(f"{role} must be a sentence or a list of sentences; got {given!r}.")
    sentences = (given,) if isinstance(given, str) else tuple(given)
    for sentence in sentences:
        if not isinstance(sentence, str):
            raise PromptError(f"{role} must be a sentence or a list of sentences; got {sentence!r}.")
        if _FILE.fullmatch(sentence.strip()):
            raise PromptError(f"{role} is the name of a file, {sentence!r}. Give the sentences themselves.")
        if not sentence.strip():
            raise PromptError(f"{role} has an empty sentence: {list(sentences)!r}. Leave it out or write what is seen.")
        _require_readable(sentence, role)
    return tuple(sentence.strip() for sentence in sentences)


def _require_readable(sentence: str, role: str) -> None:
    """Refuse characters that no text has: a tokenizer drops them, ends there or fails."""
    for place, character in enumerate(sentence):
        if unicodedata.category(character) in ("Cc", "Cs") and not character.isspace():
            raise PromptError(
                f"{role} has {character!r} at place {place} of {sentence!r}, which is not text. Remove it."
            )


@dataclass(frozen=True)
class PromptSet:
    """Goal, baseline and negative sentences.

    Several of goal or baseline are averaged in embedding space; what becomes of the negatives is up to the head.

    Args:
        goal: One sentence or several, describing the picture that is wanted; a state, not an action.
        baseline: One sentence or several, describing the scene without the goal. May be left out where alpha is 0.
        negatives: One sentence or several, describing what must not be taken for the goal; for heads that use them.

    Raises:
        PromptError: A sentence is empty or not text, there is no goal, or one of its sentences is in another role too.

    Example:
        >>> PromptSet("a humanoid robot kneeling", "a humanoid robot")
        PromptSet(goal=('a humanoid robot kneeling',), baseline=('a humanoid robot',), negatives=())
    """

    goal: tuple[str, ...] = field(metadata={"read": _sentences})
    """What is wanted."""
    baseline: tuple[str, ...] = field(default=(), metadata={"read": _sentences})
    """The plain scene; empty: no projection is possible."""
    negatives: tuple[str, ...] = field(default=(), metadata={"read": _sentences})
    """What must not be taken for the goal."""

    def __init__(
        self, goal: str | Sequence[str], baseline: str | Sequence[str] = (), negatives: str | Sequence[str] = ()
    ) -> None:
        for role, given in (("goal", goal), ("baseline", baseline), ("negatives", negatives)):
            object.__setattr__(self, role, _sentences(given, role))
        if not self.goal:
            raise PromptError("no goal was given. Describe what the picture should show, e.g. 'a robot kneeling'.")
        both = set(self.goal) & set(self.baseline)
        if both:
            raise PromptError(
                f"goal and baseline share a sentence, so there is no direction to project on: {min(both)!r}. "
                "Describe the plain scene in baseline, e.g. 'a humanoid robot'."
            )

        wrong = set(self.goal) & set(self.negatives)
        if wrong:
            raise PromptError(f"a sentence is goal and negative at once: {min(wrong)!r}. Leave it out of negatives.")
