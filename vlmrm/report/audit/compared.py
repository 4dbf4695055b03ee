"""Other sentences in the place of a reward's own, scored on the same frames: what language probes look at.

Most of these warn and never fail: whether the reward's own sentence tells the goal is seen on the frames, whatever the
model makes of other sentences. They fail where the reward's own sentences rely on what is not read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from vlmrm.metrics import Estimate, auroc
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.estimating import estimate_aurocs, estimate_on, goal_mean, preferred
from vlmrm.report.audit.probe import Exhibit
from vlmrm.report.words import percent

_SHOWN = 6  # sentences of a finding


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """Sentences of the reward, each beside others made of it."""

    audited: Audited
    """The reward and the frames."""
    own: Sequence[str]
    """Sentence of the reward that each other one was made of."""
    others: Sequence[str]
    """The other sentences."""
    own_scores: Float[np.ndarray, "n k"]
    """Score of every frame with the own sentence, a column for each other one."""
    scores: Float[np.ndarray, "n k"]
    """Score of every frame with the other sentences."""

    @property
    def aurocs(self) -> Float[np.ndarray, " k"]:
        """How well each other sentence tells the goal."""
        return np.array([auroc(column, self.audited.labels.in_goal) for column in self.scores.T], dtype=float)

    @property
    def own_aurocs(self) -> Float[np.ndarray, " k"]:
        """How well the own sentence of each tells the goal."""
        return np.array([auroc(column, self.audited.labels.in_goal) for column in self.own_scores.T], dtype=float)

    def loss(self, combine: Callable[[Any], Any]) -> Estimate:
        """Return how much AUROC the other sentences lack beside the own ones.

        Args:
            combine: Makes one number of the losses of all sentences, along the first axis of an array.
        """
        names = list(dict.fromkeys(self.own))
        first = [self.own.index(name) for name in names]
        which = [names.index(own) for own in self.own]
        columns = np.concatenate([self.own_scores[:, first], self.scores], axis=1)
        own = len(names)
        return estimate_aurocs(lambda a: combine(a[:own][which] - a[own:]), columns, self.audited.labels)

    def preference(self) -> Estimate:
        """Return the share of goal frames and sentences where the own one is paid more; 0.5 is chance."""
        each = preferred(self.own_scores, self.scores).mean(axis=1)
        return estimate_on(goal_mean, each, self.audited.labels)

    def chosen(self) -> Estimate:
        """Return how often the own sentence is the one that a goal frame pays most, among itself and all made of it.

        A share of the goal frames, the mean over the own sentences; several that are paid most share a frame. Of own
        sentences with k others each, chance is 1 / (k + 1).
        """
        own: Any = np.array(self.own)
        shares = []
        for name in dict.fromkeys(self.own):
            columns = np.flatnonzero(own == name)
            choice = np.column_stack([self.own_scores[:, columns[0]], self.scores[:, columns]])
            best = choice == choice.max(axis=1, keepdims=True)
            shares.append(best[:, 0] / best.sum(axis=1))
        return estimate_on(goal_mean, np.mean(shares, axis=0), self.audited.labels)

    def mean_auroc(self, sign: int = 1) -> Estimate:
        """Return how well the other sentences tell the goal, on average.

        Args:
            sign: -1: how well they tell what is not the goal.
        """
        return estimate_aurocs(lambda aurocs: aurocs.mean(axis=0), sign * self.scores, self.audited.labels)

    def exhibits(self, worst: Float[np.ndarray, " k"], says: Callable[[int], str] | None = None) -> list[Exhibit]:
        """Return the sentences that fool the reward most.

        Args:
            worst: How much each fools it.
            says: What to say of a sentence, by its number. None: how often it is paid more than the own one.
        """
        order = np.argsort(-worst, kind="stable")[:_SHOWN]
        return [Exhibit(text=self.others[k], says=(says or self._says)(int(k))) for k in order]

    def paid_more(self) -> Float[np.ndarray, " k"]:
        """Share of the goal frames where each other sentence is paid more than the own one."""
        in_goal = self.audited.labels.in_goal
        return np.asarray(1 - preferred(self.own_scores, self.scores)[in_goal].mean(axis=0), dtype=float)

    def _says(self, k: int) -> str:
        share, tells = float(self.paid_more()[k]), float(self.aurocs[k])
        return f"paid more than “{self.own[k]}” in {percent(share)} of the goal frames; AUROC {tells:.2f}"


def compare_sentences(audited: Audited, made: Mapping[str, Sequence[str]]) -> Compared:
    """Score sentences in the place of those that they were made of.

    Args:
        audited: The reward and the frames.
        made: Other sentences by the reward's own; at least one in all.

    Raises:
        SpecError: The reward cannot score pairs of a frame and a text.
    """
    pairs = [(own, other) for own, others in made.items() for other in others]
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    columns = dict(zip(texts, audited.of_texts(texts).T, strict=True))
    return Compared(
        audited=audited,
        own=[own for own, _ in pairs],
        others=[other for _, other in pairs],
        own_scores=np.stack([columns[own] for own, _ in pairs], axis=1),
        scores=np.stack([columns[other] for _, other in pairs], axis=1),
    )
