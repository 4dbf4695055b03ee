"""A language model as a proposer of sentences: it sees what was tried, best first, and writes others.

Prompts as what a language model optimises, from a history of prompts and their scores: Yang et al. 2023, "Large
Language Models as Optimizers" (OPRO), arXiv 2309.03409. Nothing here loads such a model: any function from a text to a
text will do.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from vlmrm.errors import PromptError, SpecError
from vlmrm.prompts import PromptSet
from vlmrm.search.found import Found

Proposer = Callable[[Sequence[Found]], Sequence[str]]
"""Returns goal sentences to try, given all that was tried, best first."""
LONGEST = 300
"""Characters of a sentence; CLIP reads 77 tokens, which is about as much."""
MOST = 200
"""Sentences that are taken of one answer."""
_BULLET = re.compile(r"^\s*(?:[-*\u2022]|\(?\d+[.):])\s*")
_QUOTES = "\"'`\u201c\u201d\u2018\u2019"


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """A proposer made of a language model.

    Example:
        >>> model = LanguageModel(ask=lambda request: "1. a robot on its knees", description="a kneeling robot")
        >>> model([])
        ['a robot on its knees']
    """

    ask: Callable[[str], str]
    """Returns the model's answer to a request."""
    description: str
    """What pictures of the goal show, for the request."""
    sentences: int = 8
    """How many sentences to ask for."""
    history: int = 20
    """How many of the best that were tried to show."""

    def __post_init__(self) -> None:
        if min(self.sentences, self.history) < 1:
            raise SpecError(f"sentences and history are at least 1; got {self.sentences} and {self.history}.")

    def __call__(self, tried: Sequence[Found]) -> list[str]:
        """Return what the model proposes."""
        return sentences_in(self.ask(self.request(tried)))

    def request(self, tried: Sequence[Found]) -> str:
        """Return what the model is asked.

        Args:
            tried: Everything so far, best first.
        """
        shown = [f"{one.search.auroc:.4f}  {_said(one)}" for one in tried[: self.history]]
        lines = [
            f"A picture model compares camera pictures with one sentence. The sentence describes: {self.description}",
            "It is scored by AUROC, 0.5 to 1: how often a picture of the goal fits it better than another one does.",
            *(["Sentences so far, best first:", *shown] if shown else []),
            f"Write {self.sentences} other sentences that may score higher, one on each line and nothing else. "
            "Describe what is seen, in a few plain words, without negations.",
        ]
        return "\n".join(lines)


def sentences_in(answer: str) -> list[str]:
    """Return the sentences of an answer with one on each line, without bullets, numbers and quotes.

    Args:
        answer: Text of a language model.

    Example:
        >>> sentences_in('1. "a robot on its knees"')
        ['a robot on its knees']
    """
    lines = (_BULLET.sub("", line).strip().strip(_QUOTES).strip() for line in answer.splitlines())
    return [line for line in lines if line]


@dataclass(frozen=True, kw_only=True)
class Proposals:
    """What is left of an answer."""

    sentences: Sequence[str]
    """Sentences to try."""
    remarks: Sequence[str] = ()
    """What was wrong with the others."""
    failed: bool = False
    """Whether the proposer raised an error or gave no list."""


def ask_proposer(proposer: Proposer, tried: Sequence[Found], known: Collection[str]) -> Proposals:
    """Ask a proposer, and keep what can be tried.

    Args:
        proposer: Is given what was tried; whatever it raises or returns ends nothing.
        tried: Everything so far, best first.
        known: Sentences that have been tried.
    """
    try:
        answer: Any = proposer(tried)
        given = sentences_in(answer) if isinstance(answer, str) else list(answer)
    except Exception as error:  # of a model somewhere else: time-outs, quotas, a line cut off
        return Proposals(sentences=(), failed=True, remarks=[f"The proposer failed: {type(error).__name__}: {error}"])
    kept: list[str] = []
    dropped: dict[str, int] = {}
    for one in given[:MOST]:
        why = _why_not(one) or ("there already" if one.strip() in (*known, *kept) else "")
        if why:
            dropped[why] = dropped.get(why, 0) + 1
        else:
            kept.append(one.strip())
    if len(given) > MOST:
        dropped[f"after the first {MOST}"] = len(given) - MOST
    said = ", ".join(f"{count} {why}" for why, count in dropped.items())
    remarks = [f"Of {len(given)} sentences of the proposer, {len(kept)} could be tried: {said}."] if dropped else []
    return Proposals(sentences=kept, remarks=remarks)


def _why_not(sentence: Any) -> str:
    if not isinstance(sentence, str):
        return "not a text"
    if not sentence.strip():
        return "empty"
    if len(sentence) > LONGEST:
        return f"longer than {LONGEST} characters"
    try:
        PromptSet(sentence)
    except PromptError:
        return "not a sentence"
    return ""


def _said(one: Found) -> str:
    return " / ".join(one.spec.require_prompts().goal)
