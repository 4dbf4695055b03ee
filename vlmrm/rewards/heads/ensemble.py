"""A weighted mean of heads.

Heads that err on different frames are worth more together than the best of them, if their scores have one scale: a
softmax that runs from 0 to 1 drowns a cosine that runs from 0.2 to 0.3. `vlmrm.fitting.standardize` gives every part a
mean of 0 and a standard deviation of 1 on the user's frames. Parts score the same embeddings; where the encoder is an
ensemble itself, a part may name the `member` whose embeddings it scores alone.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.ensemble import require_ensemble
from vlmrm.errors import ScaleWarning, SpecError, warn_user
from vlmrm.prompts import PromptSet
from vlmrm.rewards.protocols import Head, HeadOptions, PairHead
from vlmrm.rewards.score import Score, build_pairs, build_score
from vlmrm.rewards.score_spec import ScoreSpec
from vlmrm.tables import join, read_table
from vlmrm.types import Embeddings, Rewards
from vlmrm.values import require_above_0

_ROUNDING = 1e-6  # by which weights written with a few digits may miss 1


@dataclass(frozen=True, kw_only=True)
class Part(ScoreSpec):
    """One part of an ensemble: a head with a weight. Sentences that it does not give are those of the whole."""

    weight: int | float
    """Weight of the part's score, above 0; the weights of all parts sum to 1."""
    member: str | None = None
    """Member of an ensemble of encoders whose embeddings it scores. None: the embeddings of all."""

    def __post_init__(self) -> None:
        require_above_0("weight", self.weight)
        if self.head == "ensemble":
            raise SpecError("'ensemble' cannot be part of an ensemble, whose parts score single frames.")
        super().__post_init__()

    @property
    def encoder(self) -> None:
        """Name of the encoder: None, since a part has the encoder of the whole."""

    def usual_alpha(self) -> float | None:
        """Return the alpha by the part's own sentences; without any it depends on those of the whole."""
        return None if self.prompts is None else super().usual_alpha()

    def within(self, prompts: PromptSet | None) -> "Part":
        """Return the part with the sentences of the whole, unless it has its own; None: the whole has none."""
        if self.prompts is not None:
            return self
        alpha: Any = super().usual_alpha() if prompts is None and self.alpha is None else self.alpha
        return replace(self, prompts=prompts, alpha=alpha)


def _read_parts(values: Any, path: str) -> tuple[Part, ...]:
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise SpecError(f"{path} is a list of tables, each with a weight and a head; got {values!r}.")
    return tuple(read_table(Part, part, where=join(path, str(number))) for number, part in enumerate(values))


@dataclass(frozen=True, kw_only=True)
class EnsembleOptions(HeadOptions):
    """Options of the head ``ensemble``."""

    has_parts: ClassVar[bool] = True
    score_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    parts: Sequence[Part] = field(metadata={"read": _read_parts})
    """Parts, at least two, each a table with a ``weight`` and what a spec may say of a head: ``head``, ``options``,
    ``alpha``, ``prompts``, ``few_shot``, ``scaling``, ``threshold``."""

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise SpecError(f"an ensemble has at least two parts; got {len(self.parts)}.")
        total = math.fsum(part.weight for part in self.parts)
        if abs(total - 1) > _ROUNDING:
            raise SpecError(f"the weights of an ensemble must sum to 1; got {total:g}.")

    def check(self, spec: Any) -> None:
        """Refuse parts that are no reward with the sentences of the whole.

        Raises:
            VlmrmError: If a part is none.
        """
        for part in self.whole_parts(spec.prompts):
            part.check_words()

    def reads_goal(self) -> bool:
        """Return whether a part has no sentences of its own."""
        return any(part.prompts is None for part in self.parts)

    def sentences(self, prompts: PromptSet) -> Sequence[str]:
        """Return the sentences of all parts."""
        parts = self.whole_parts(prompts)
        return [sentence for part in parts if part.prompts for sentence in part.options.sentences(part.prompts)]

    def whole_parts(self, prompts: PromptSet | None) -> tuple[Part, ...]:
        """Return the parts, those without sentences with the ones given."""
        return tuple(part.within(prompts) for part in self.parts)

    def without_fits(self, *words: str) -> "EnsembleOptions":
        """Return the options with these words of a spec left out of every part."""
        dropped: dict[str, Any] = dict.fromkeys(words)
        return replace(self, parts=tuple(replace(part, **dropped) for part in self.parts))

    def scale_parts(
        self, encoder: Encoder, prompts: PromptSet, embeddings: Embeddings, scale: Callable[[Any, Rewards], Any]
    ) -> "EnsembleOptions":
        """Return the options with a scaling for each part, by its scores without scaling and threshold."""
        scores = self.without_fits("scaling", "threshold").head(encoder, prompts).columns(embeddings).values()
        parts = zip(self.parts, scores, strict=True)
        return replace(self, parts=tuple(replace(part, scaling=scale(part, own)) for part, own in parts))

    def build(self, encoder: Encoder, prompts: PromptSet, alpha: float) -> "EnsembleHead":
        """Return the weighted mean of the parts' scores; parts of different scales are warned of."""
        _warn_of_scales(self.parts)
        return self.head(encoder, prompts)

    def head(self, encoder: Encoder, prompts: PromptSet) -> "EnsembleHead":
        """Return the weighted mean of the parts' scores, whatever their scales."""
        parts = self.whole_parts(prompts)
        scores = [build_score(_member(encoder, part), part) for part in parts]
        return EnsembleHead(scores, [float(part.weight) for part in parts], _split(encoder, parts), _names(parts))

    def build_pairs(self, encoder: Encoder, prompts: PromptSet | None, alpha: float, rivals: str | None) -> PairHead:
        """Return the weighted mean of what the parts make of every frame and text."""
        parts = self.whole_parts(prompts)
        made = [build_pairs(_member(encoder, part), part, rivals) for part in parts]
        split = _split(encoder, parts)

        def score(embeddings: Embeddings, goals: Float[Tensor, "k d"]) -> Float[Tensor, "n k"]:
            total = embeddings.new_zeros(len(embeddings), len(goals))
            for number, part in enumerate(parts):
                seen, said = (rows if split is None else split(rows)[number] for rows in (embeddings, goals))
                total += part.weight * made[number](seen, said)
            return total

        return score


@dataclass(frozen=True, eq=False)
class EnsembleHead(Head):
    """``sum of weight · score`` over the parts.

    Example:
        >>> first, second = (Score(lambda embeddings, i=i: embeddings[:, i]) for i in range(2))
        >>> EnsembleHead([first, second], [0.75, 0.25])(torch.eye(2))
        tensor([0.7500, 0.2500])
    """

    scores: Sequence[Score]
    """Scores of the parts."""
    weights: Sequence[float]
    """Weight of each part; they sum to 1."""
    split: Any = None
    """From embeddings to those that each part scores. None: all score the same."""
    names: Sequence[str] = ()
    """Names of the parts, for the columns."""

    def _of_parts(self, embeddings: Embeddings) -> Float[Tensor, "p n"]:
        rows = [embeddings] * len(self.scores) if self.split is None else self.split(embeddings)
        return torch.stack([score.of_embeddings(part) for score, part in zip(self.scores, rows, strict=True)])

    def columns(self, embeddings: Embeddings) -> Mapping[str, Rewards]:
        """Return the score of each part."""
        return dict(zip(self.names, self._of_parts(embeddings), strict=True))

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """Return one score per embedding."""
        return torch.tensor(list(self.weights)) @ self._of_parts(embeddings)


def _member(encoder: Encoder, part: Part) -> Encoder:
    if part.member is None:
        return encoder
    return require_ensemble(encoder, f"a part that names the member {part.member!r} needs").member(part.member)


def _split(encoder: Encoder, parts: Sequence[Part]) -> Any:
    """From embeddings of the whole encoder to those of each part's member; None: no part names one."""
    if all(part.member is None for part in parts):
        return None
    together = require_ensemble(encoder, "a part that names a member needs")
    names = [member.name for member in together.members]

    def split(embeddings: Embeddings) -> list[Float[Tensor, "n _"]]:
        rows = together.split(embeddings)
        return [embeddings if part.member is None else rows[names.index(part.member)] for part in parts]

    return split


def _names(parts: Sequence[Part]) -> list[str]:
    return [f"part {number} ({part.member or part.head})" for number, part in enumerate(parts, start=1)]


def _warn_of_scales(parts: Sequence[Part]) -> None:
    bare = [part.head for part in parts if part.scaling is None and part.threshold is None]
    if bare and len({part.head for part in parts}) > 1:
        warn_user(
            f"the parts {', '.join(bare)} of an ensemble have scores of their own scales, and the widest decides. "
            "vlmrm.fitting.standardize(reward, frames), or `vlmrm fit --scale-on`, gives all of them the same.",
            ScaleWarning,
        )
