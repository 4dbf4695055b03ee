"""Scores of labelled frames by any number of rewards: one pass over the frames, each embedded once by each model."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from vlmrm.data.labelled import FrameSource, LabelledFrames
from vlmrm.errors import FrameError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.report.candidates import Candidate
from vlmrm.report.fooling import Extremes, Fooling
from vlmrm.report.look_alikes import LookAlikes
from vlmrm.report.scorers import Scorer
from vlmrm.rewards.features import FrameFeatures
from vlmrm.types import Frames

Progress = Callable[[int, int | None], None]
"""Told how many frames have been scored so far, and of how many; None: nobody knows yet."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """Frames and their scores."""

    labels: LabelledFrames
    """What is known of the frames, without their pictures."""
    scores: Mapping[str, Float[np.ndarray, " n"]]
    """Scores by the name of the candidate."""
    controls: Mapping[str, Mapping[str, Float[np.ndarray, " n"]]]
    """Scores of the controls of each candidate."""
    parts: Mapping[str, Mapping[str, Float[np.ndarray, " n"]]]
    """What the scores of each candidate are made of, by its name and theirs; empty where its head has no parts."""
    cosines: Mapping[str, Mapping[str, float]]
    """Highest cosine of any frame with each sentence, by the name of the encoder."""
    fooling: Mapping[str, Fooling]
    """What fools each candidate."""
    embedded: Mapping[str, int]
    """How many frames each model has embedded."""


def score_frames(
    candidates: Sequence[Candidate],
    source: FrameSource,
    *,
    sentences: Sequence[str] = (),
    progress: Progress | None = None,
) -> Scored:
    """Score all frames of a source.

    Args:
        candidates: The rewards, with their controls.
        source: The labelled frames; one pass for all models, or of a source that draws, one for each size that models
            see.
        sentences: Sentences to compare with the frames.
        progress: Told of every batch.

    Raises:
        FrameError: If there is no frame, a state is not finite, or passes give different frames.
    """
    collected: list[LabelledFrames] = []
    scoring = _Scoring(candidates, sentences)
    passes = _passes(candidates, source)
    total, done = None if source.count is None else source.count * len(passes), 0
    for number, (capture, asked) in enumerate(passes):
        readers, first = _by_model(asked), 0
        for batch in source.batches(capture):
            if number == 0:
                _require_numbers(batch)
                collected.append(_without_pictures(batch))
            scoring.add(batch, readers, first)
            first, done = first + len(batch), done + len(batch)
            if progress is not None:
                progress(done, total)
    if not collected:
        raise FrameError(f"{source.name} holds no frame.")
    whole = LabelledFrames.join(collected)
    labels = replace(whole, states=dict(sorted(whole.states.items())))
    made = {key: _column(parts, len(labels), source) for key, parts in scoring.columns.items()}
    return Scored(
        labels=labels,
        scores={candidate.name: made[candidate.name, None] for candidate in candidates},
        controls={c.name: {control: made[c.name, control] for control in c.controls} for c in candidates},
        parts={name: _joined(batches) for name, batches in scoring.parts.items()},
        cosines=scoring.cosines,
        fooling={c.name: scoring.extremes[c.name].fooling(scoring.known.get(c.scorer.reads_as)) for c in candidates},
        embedded=dict(scoring.embedded),
    )


class _Scoring:
    """What is known so far of the frames that have gone by."""

    def __init__(self, candidates: Sequence[Candidate], sentences: Sequence[str]) -> None:
        self.columns: dict[tuple[str, str | None], list[Any]] = {}
        self.cosines: dict[str, dict[str, float]] = {}
        self.extremes = {candidate.name: Extremes() for candidate in candidates}
        self.parts: dict[str, list[Mapping[str, Float[np.ndarray, " n"]]]] = {}
        self.known: dict[Any, LookAlikes] = {}
        self.embedded: Counter[str] = Counter()
        self._sentences, self._texts = list(sentences), dict[str, Any]()

    def add(self, batch: LabelledFrames, readers: "Sequence[Sequence[_Asked]]", first: int) -> None:
        """Score a batch, whose first frame has this number: each model embeds it once, each size is made once."""
        small: dict[Preprocessing | None, Frames] = {None: batch.frames}
        for members in readers:
            reader = members[0].scorer
            plain = _plain(reader.capture)
            if plain is not None and plain not in small:
                small[plain] = plain.resize(batch.frames)
            seen = reader.read(small[plain])
            if seen is not None:
                self.embedded[reader.name] += len(batch)
                self._compare(reader, seen)
            shown = replace(batch, frames=small[plain])
            embeddings = None if seen is None or not seen.embeddings.shape[1] else seen.embeddings
            if embeddings is not None and any(member.control is None for member in members):
                self.known.setdefault(reader.reads_as, LookAlikes()).add(shown, embeddings)
            for member in members:
                columns = member.scorer.columns(batch, seen)
                scores = columns.pop("score")
                self.columns.setdefault((member.candidate, member.control), []).append(scores)
                if member.control is None:
                    self.parts.setdefault(member.candidate, []).append(columns)
                    self.extremes[member.candidate].add(shown, scores, embeddings, first)

    def _compare(self, reader: Scorer, seen: FrameFeatures) -> None:
        """Keep the highest cosine with each sentence that any frame has had so far."""
        if not self._sentences or not seen.embeddings.shape[1]:
            return
        if reader.name not in self._texts:
            self._texts[reader.name] = reader.embed_texts(self._sentences)
        texts = self._texts[reader.name]
        if texts is None:
            return
        highest = (seen.embeddings @ texts.T).amax(dim=0).tolist()
        known = self.cosines.setdefault(reader.name, {})
        for sentence, cosine in zip(self._sentences, highest, strict=True):
            known[sentence] = max(known.get(sentence, -1.0), cosine)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Asked:
    """What scores the frames, and for whom."""

    candidate: str
    control: str | None
    scorer: Scorer


def _passes(candidates: Sequence[Candidate], source: FrameSource) -> list[tuple[Preprocessing | None, list[_Asked]]]:
    """Which rewards see the same pictures; normalisation comes later and is each model's own."""
    found: dict[Preprocessing | None, tuple[Preprocessing | None, list[_Asked]]] = {}
    for candidate in candidates:
        scorers: list[tuple[str | None, Scorer]] = [(None, candidate.scorer), *candidate.controls.items()]
        for control, scorer in scorers:
            asked = _Asked(candidate=candidate.name, control=control, scorer=scorer)
            capture = scorer.capture if source.draws else None
            found.setdefault(_plain(capture), (capture, []))[1].append(asked)
    return list(found.values())


def _plain(capture: Preprocessing | None) -> Preprocessing | None:
    """The resize alone, by which captures of several models can be told to be alike."""
    return None if capture is None else replace(capture, mean=(0.5,) * 3, std=(0.5,) * 3)


def _by_model(asked: Sequence[_Asked]) -> list[list[_Asked]]:
    """Rewards that read frames alike, so that the first reads for all of them."""
    groups: dict[Any, list[_Asked]] = {}
    for one in asked:
        groups.setdefault(one.scorer.reads_as, []).append(one)
    return list(groups.values())


def _require_numbers(batch: LabelledFrames) -> None:
    """Before frames are embedded, which takes long."""
    for variable, values in batch.states.items():
        wrong = np.flatnonzero(~np.isfinite(values.astype(float)))
        if wrong.size:
            raise FrameError(
                f"{variable} of the frame {batch.names[wrong[0]]!r} is {values[wrong[0]]}, and states are finite "
                f"numbers. Leave the frame or the variable out ({wrong.size} of {len(batch)} frames have none)."
            )


def _without_pictures(batch: LabelledFrames) -> LabelledFrames:
    return replace(batch, frames=torch.empty(len(batch), 0, 0, 3, dtype=torch.uint8))


def _joined(batches: Sequence[Mapping[str, Float[np.ndarray, " b"]]]) -> dict[str, Float[np.ndarray, " n"]]:
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def _column(parts: Sequence[Any], n: int, source: FrameSource) -> Float[np.ndarray, " n"]:
    column = np.concatenate(parts)
    if len(column) != n:
        raise FrameError(f"{source.name} gave {n} frames at first and {len(column)} when asked again; it must repeat.")
    return column
