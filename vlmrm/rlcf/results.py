"""What methods said of queries: one record for each query, method, and comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from vlmrm.metrics import Estimate, Flips, accuracy_difference, expected_calibration_error, flips, share_estimate
from vlmrm.rlcf.answer import Answer
from vlmrm.rlcf.labelled import Labels


@dataclass(frozen=True, kw_only=True)
class QueryResult:
    """What one method said of one query."""

    answer: int
    """Index of the answer."""
    chance: float
    """Probability that the method gave it."""
    rank: int
    """Place of the first right answer among all, from 0."""
    divergence: float = 0.0
    """Kullback-Leibler divergence of the probabilities from those before adaptation, in nats."""
    adapted: bool = False
    """Whether it was adapted to the query."""
    moved: float = 0.0
    """The most that any tuned number has moved."""
    dropped: str = ""
    """Why the episode was given up. Empty: it was not."""
    after_each: tuple[int, ...] = ()
    """The answer after each step, where steps were traced."""
    chance_after_each: tuple[float, ...] = ()
    """The probability of that answer."""

    def after(self, step: int) -> "QueryResult":
        """Return what the method said after one of its steps, from 1; what was not adapted stays as it is.

        Rank, divergence and movement stay those of the end.
        """
        if step > len(self.after_each):
            return self
        return replace(self, answer=self.after_each[step - 1], chance=self.chance_after_each[step - 1])


@dataclass(frozen=True, kw_only=True, eq=False)
class MethodResult:
    """What one method said of all queries."""

    name: str
    """What tables call it."""
    each: Sequence[QueryResult]
    """One for each query, in order."""
    labels: Labels
    """The right answers to each query."""

    @property
    def right(self) -> Bool[np.ndarray, " n"]:
        """Whether each answer is right."""
        pairs = zip(self.each, self.labels, strict=True)
        return np.array([one.answer in right for one, right in pairs])

    @property
    def accuracy(self) -> Estimate:
        """Share of queries answered rightly, with its interval."""
        return share_estimate(int(self.right.sum()), len(self.labels))

    @property
    def calibration_error(self) -> float:
        """Expected calibration error of the probability of the answer that was given."""
        return expected_calibration_error(self.chances, self.right)

    @property
    def divergence(self) -> float:
        """Mean divergence from the probabilities before adaptation, in nats."""
        return float(np.mean([one.divergence for one in self.each]))

    @property
    def unmoved(self) -> int:
        """Number of episodes that moved no parameter, though none was dropped."""
        return sum(one.adapted and not one.moved and not one.dropped for one in self.each)

    @property
    def dropped(self) -> int:
        """Number of episodes that were given up."""
        return sum(bool(one.dropped) for one in self.each)

    def gain_over(self, other: "MethodResult") -> Estimate:
        """Return by how much it is right more often than another method, with an interval over paired queries."""
        return accuracy_difference(other.right, self.right)

    def flips_from(self, other: "MethodResult") -> Flips:
        """Return how many answers of another method became right, and how many wrong."""
        return flips(other.right, self.right)

    @property
    def chances(self) -> Float[np.ndarray, " n"]:
        """Probability of each answer that was given."""
        return np.array([one.chance for one in self.each])

    @property
    def share_adapted(self) -> float:
        """Share of queries that it was adapted to."""
        return float(np.mean([one.adapted for one in self.each]))

    def right_among(self, count: int) -> float:
        """Return the share of queries whose right answer is among the first so many."""
        return float(np.mean([one.rank < count for one in self.each]))

    def accuracy_after_each(self) -> list[float]:
        """Return the accuracy after each step; empty where steps were not traced."""
        steps = max(len(one.after_each) for one in self.each)
        return [float(self.after(step + 1).right.mean()) for step in range(steps)]

    def after(self, step: int) -> "MethodResult":
        """Return what the method said after one of its steps, from 1."""
        return replace(self, each=[one.after(step) for one in self.each])


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """All methods on the same queries."""

    methods: Mapping[str, MethodResult]
    """By name; ``zero_shot`` is among them where there are controls."""
    answers: Sequence[str]
    """Names of the possible answers."""
    protocol: Mapping[str, Any] = field(default_factory=dict)
    """Settings under which it was measured: models, template, options and seeds."""

    def remarks(self, candidates: int) -> list[str]:
        """Return what a reader of the numbers has to know.

        Args:
            candidates: Number of answers that are tried.
        """
        usual = self.methods["zero_shot"]
        among = usual.right_among(candidates)
        found = [f"the right answer is among the policy's first {candidates} for {100 * among:.1f} % of the queries."]
        for name, one in self.methods.items():
            if one.share_adapted and one.unmoved == len(one.each):
                found.append(f"{name} moved no parameter in any episode.")
            if one.dropped:
                found.append(f"{name}: {one.dropped} episodes were given up: {_first_reason(one)}.")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain values, for JSON."""
        usual = self.methods.get("zero_shot")
        return {
            "answers": list(self.answers),
            "judge": "labels",
            "protocol": dict(self.protocol),
            "methods": {name: _plain(one, usual) for name, one in self.methods.items()},
        }


def _first_reason(found: MethodResult) -> str:
    return next(one.dropped for one in found.each if one.dropped)


def _plain(found: MethodResult, usual: MethodResult | None) -> dict[str, Any]:
    numbers: dict[str, Any] = {
        "accuracy": asdict(found.accuracy),
        "calibration_error": found.calibration_error,
        "divergence": found.divergence,
        "adapted": found.share_adapted,
        "unmoved": found.unmoved,
        "dropped": found.dropped,
        "after_each_step": found.accuracy_after_each(),
    }
    if usual is not None and found is not usual:
        numbers |= {"gain": asdict(found.gain_over(usual)), **asdict(found.flips_from(usual))}
    return numbers


def result_of(given: Answer, right: Sequence[int]) -> QueryResult:
    """Return the record of an answer.

    Args:
        given: What a method said of a query.
        right: The right answers.
    """
    logits, episode = given.logits, given.episode
    chances = logits.softmax(dim=0)
    best = int(logits.argmax())
    return QueryResult(
        answer=best,
        chance=float(chances[best]),
        rank=int((logits > logits[list(right)].max()).sum()),
        divergence=0.0 if episode.before is None else _divergence(logits, episode.before),
        adapted=episode.adapted,
        moved=episode.moved,
        dropped=episode.dropped,
        after_each=tuple(int(row.argmax()) for row in episode.after_each),
        chance_after_each=tuple(float(row.softmax(dim=0).max()) for row in episode.after_each),
    )


def _divergence(after: Float[Tensor, " k"], before: Float[Tensor, " k"]) -> float:
    now, then = after.double().log_softmax(0), before.double().log_softmax(0)
    return max(0.0, float((now.exp() * (now - then)).sum()))
