"""`search_prompts`: sentences that separate goal frames better, all scored on the same embeddings.

A round rewords the best sentences so far, one change at a time, and asks the proposer, if there is one. After the last
round the best are averaged, compared with rivals and projected with other alphas. What decides is the part of the
labels to search on: of what is within one standard error of the best, the mean of the most sentences. The best are then
judged on the other part.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError, VlmrmError
from vlmrm.metrics.resampling import resampled
from vlmrm.metrics.tally import auroc_of, tally_of
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.score import build_score
from vlmrm.rewards.spec import RewardSpec
from vlmrm.search.found import Exam, Found, SearchResult, judge_found, rank
from vlmrm.search.proposals import (
    Proposal,
    forms_of,
    known_words_only,
    plain_spec,
    propose,
    require_goal,
    rivals_of,
    with_goal,
)
from vlmrm.search.proposer import Proposer, ask_proposer
from vlmrm.search.separation import separation_of
from vlmrm.search.split import LabelledParts, ReadFrames, ReadParts
from vlmrm.values import require_share

_RESAMPLES = 100  # of the frames to search on, for standard errors
_FAILURES = 3  # in a row, after which a proposer is not asked any more
ToldRound = Callable[[int, int], None]
"""Told how many rounds are done, and how many rewards have been tried."""


@dataclass(frozen=True, kw_only=True)
class PromptSearch:
    """How far sentences are searched."""

    sentences: Sequence[str] = ()
    """Goal sentences to try besides those of the tables."""
    rivals: Sequence[str] = ()
    """Sentences about something else, for the heads that compare; besides the other goals of the task's scene."""
    rounds: int = 2
    """How often the best sentences are reworded and the proposer is asked; 0: only `sentences` are tried."""
    beam: int = 6
    """How many of the best sentences each round rewords."""
    averaged: Sequence[int] = (2, 4, 8, 16, 32)
    """Numbers of best sentences to average."""
    alphas: Sequence[int | float] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Shares of the projection to try on the best."""
    tables: bool = True
    """Whether sentences are reworded by the tables of the library. False: only `sentences` and the proposer."""

    def __post_init__(self) -> None:
        if self.rounds < 0 or self.beam < 1 or any(count < 2 for count in self.averaged):
            raise SpecError(
                f"rounds is at least 0, beam at least 1 and averaged are numbers of at least 2; got {self.rounds}, "
                f"{self.beam} and {tuple(self.averaged)}."
            )
        for alpha in self.alphas:
            require_share("alphas", alpha)


def search_prompts(
    reward: RewardModel | RewardSpec,
    parts: LabelledParts,
    *,
    options: PromptSearch | None = None,
    proposer: Proposer | None = None,
    progress: ToldRound | None = None,
) -> SearchResult:
    """Search for sentences that separate goal frames better than a reward's own.

    Args:
        reward: The reward to begin with, and whose encoder reads the frames, each once.
        parts: Labelled frames to search on, and to judge on.
        options: How far to search. None: two rounds.
        proposer: A language model, say, that is shown all that was tried, best first, and returns sentences.
        progress: Told of each round.

    Raises:
        SpecError: If there are too few labels on a side, or the reward has no sentences.

    Example:
        >>> from vlmrm.tasks import find_task
        >>> task = find_task("acrobot/up")
        >>> parts, options = LabelledParts.of_task(task, 40, held_out=40), PromptSearch(rounds=1, beam=1)
        >>> found = search_prompts(task.reward, parts, options=options)
        >>> found.best.search.auroc, len(found.ranked) > 20
        (1.0, True)
    """
    options = options or PromptSearch()
    loaded = reward if isinstance(reward, RewardModel) else RewardModel.from_spec(reward)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of words and wordings, once for each of hundreds
        require_goal(loaded.spec)
        spec, remarks = plain_spec(loaded.spec)
        read = parts.read(loaded.with_spec(spec))
        search = _Search(loaded.encoder, spec, read, options)
        search.rounds(proposer, progress)
        search.forms(rivals=[*options.rivals, *rivals_of(parts.search.task, spec.require_prompts())])
    exam = Exam(
        what="sentence",
        given=loaded.spec,
        searched=read.search.in_goal,
        in_goal=read.held_out.in_goal,
        groups=read.held_out.for_intervals,
        score=lambda one: search.score(one.spec, read.held_out),
        remarks=[*remarks, *read.remarks, *search.remarks],
    )
    return judge_found(exam, search.shipped, search.tried, chosen=search.chosen())


def optimise_prompts(
    reward: RewardModel | RewardSpec, parts: LabelledParts, proposer: Proposer, *, rounds: int = 8
) -> SearchResult:
    """Let a language model alone write the sentences, round by round (OPRO, arXiv 2309.03409).

    Args:
        reward: As `search_prompts` takes it.
        parts: As `search_prompts` takes them.
        proposer: A `LanguageModel`, or any function from what was tried, best first, to sentences.
        rounds: How often it is asked.
    """
    options = PromptSearch(rounds=rounds, tables=False, averaged=(), alphas=())
    return search_prompts(reward, parts, options=options, proposer=proposer)


class _Search:
    """What has been tried so far."""

    def __init__(self, encoder: Encoder, spec: RewardSpec, read: ReadParts, options: PromptSearch) -> None:
        self._encoder, self._spec, self._read, self._options = encoder, spec, read, options
        self.remarks: list[str] = []
        self.tried: list[Found] = []
        self._said: set[str] = set()
        self.shipped = self._found(Proposal(name="shipped", spec=spec))
        if len(spec.require_prompts().goal) == 1:
            self._said.add(spec.require_prompts().goal[0])

    def rounds(self, proposer: Proposer | None, progress: ToldRound | None) -> None:
        """Try other sentences, from the best so far."""
        prompts = self._spec.require_prompts()
        failures, unknown = 0, self._try([*self._options.sentences, *prompts.goal])
        for number in range(self._options.rounds):
            if self._options.tables:
                best = self._best_goals()[: self._options.beam]
                unknown += self._try(said.goal[0] for goal in best for said in propose(replace(prompts, goal=(goal,))))
            if proposer is not None and failures < _FAILURES:
                answer = ask_proposer(proposer, rank(self.shipped, self.tried), self._said)
                failures = failures + 1 if answer.failed else 0
                self.remarks += [f"Round {number + 1}: {remark}" for remark in answer.remarks]
                unknown += self._try(answer.sentences)
            if progress is not None:
                progress(number + 1, len(self.tried))
        if failures >= _FAILURES:
            self.remarks.append(f"The proposer failed {_FAILURES} times in a row and was not asked again.")
        if unknown:
            self.remarks.append(
                f"{unknown} sentences have words that {self._spec.encoder} does not know, and were not tried."
            )

    def forms(self, rivals: Sequence[str]) -> None:
        """Try averages, rivals and alphas of the best sentences."""
        goals = self._best_goals()
        averages = [tuple(goals[:count]) for count in self._options.averaged if count <= len(goals)]
        known, _ = known_words_only(self._encoder, rivals)
        bases = [with_goal(self._spec, goal) for goal in (*goals[: self._options.beam], *averages)]
        for base in [Proposal(name="shipped sentence", spec=self._spec), *bases]:
            if len(base.spec.require_prompts().goal) > 1:
                self._add(base)
            if self._options.alphas:
                for form in forms_of(base, alphas=self._options.alphas, rivals=known):
                    self._add(form)

    def chosen(self) -> Found:
        """Of all that are within one standard error of the best, the one that averages the most sentences.

        The best of hundreds on a few dozen frames owes its place to those frames; a mean of sentences owes less to them
        (the rule is that of Breiman et al. 1984, "Classification and Regression Trees", section 3.4.3).
        """
        ranked = rank(self.shipped, self.tried)
        in_goal = self._read.search.in_goal
        (counts,) = resampled(in_goal, groups=None, resamples=_RESAMPLES, seed=0)
        drawn = [auroc_of(tally_of(self.score(one.spec, self._read.search), in_goal, counts)) for one in ranked]
        behind = [drawn[0] - other for other in drawn]
        near = [one for one, less in zip(ranked, behind, strict=True) if less.mean() <= less.std()]
        return max(near, key=lambda one: (len(one.spec.require_prompts().goal), one.search))

    def score(self, spec: RewardSpec, frames: ReadFrames) -> Float[np.ndarray, " n"]:
        """Score frames by other sentences, without reading them again."""
        scores: Float[np.ndarray, " n"] = build_score(self._encoder, spec)(frames.features).double().numpy()
        return scores

    def _try(self, sentences: Iterable[str]) -> int:
        """Try goal sentences, and return how many were not tried since the model lacks a word."""
        new = [one for one in dict.fromkeys(sentences) if one not in self._said]
        self._said.update(new)
        known, unknown = known_words_only(self._encoder, new)
        for goal in known:
            self._add(with_goal(self._spec, goal))
        return unknown

    def _best_goals(self) -> list[str]:
        """Single goal sentences, best first."""
        said = (one.spec.require_prompts().goal for one in rank(self.shipped, self.tried))
        return [goal[0] for goal in said if len(goal) == 1]

    def _add(self, proposal: Proposal) -> None:
        try:
            self.tried.append(self._found(proposal))
        except VlmrmError:
            return  # a goal with the embedding of the baseline, say: no reward can be made of it

    def _found(self, proposal: Proposal) -> Found:
        scores = self.score(proposal.spec, self._read.search)
        found = separation_of(scores, self._read.search.in_goal)
        return Found(name=proposal.name, spec=proposal.spec, search=found)
