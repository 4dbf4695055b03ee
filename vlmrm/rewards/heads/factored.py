"""Factored goals: a reward that says how much of it each part of the sentence earned (ideal words).

After "Linear Spaces of Meanings: Compositional Structures in Vision-Language Models" (Trager et al., ICCV 2023). A goal
such as "a {robot} robot {pose}" has factors with values; the first value of each is wanted, the others are what could
be there instead. All combinations are embedded, and with u0 the mean of all of them

    u_z = mean of the sentences that hold the value z, less u0,      sentence (z1, z2, …) ≈ u0 + u_z1 + u_z2 + …

which is the least-squares fit, as every combination is there once. The values of one factor sum to 0, so a frame's
product with u_z says how much more it shows z than the factor's other values. The reward is the cosine of the frame
with the composed goal, g = (u0 + sum of the wanted u_z) / length, and splits exactly into one share per factor and a
part that all combinations have in common.
"""

import itertools
import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import PromptError, SpecError, near_matches
from vlmrm.prompts import PromptSet
from vlmrm.rewards.heads.sentences import embed
from vlmrm.rewards.protocols import Head, HeadOptions
from vlmrm.types import Embeddings, Rewards

MOST_COMBINATIONS = 4096
"""Sentences of one factored goal; each has to be embedded."""

Vector = Float[torch.Tensor, " d"]


@dataclass(frozen=True, kw_only=True)
class FactoredOptions(HeadOptions):
    """Options of the head ``factored``; the goal sentence names each factor in braces."""

    score_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    pairs: ClassVar[str | None] = "its goal is made of factors, and a text has none"
    factors: Mapping[str, Sequence[str]]
    """Values of each factor by its name, the wanted one first."""

    def sentences(self, prompts: PromptSet) -> Sequence[str]:
        """Return the goal with every combination of the factors' values."""
        return self._combinations(prompts)[0]

    def build(self, encoder: Encoder, prompts: PromptSet, alpha: float) -> "FactoredHead":
        """Return the cosine with the goal that is composed of the factors' wanted values.

        Raises:
            SpecError: If there is more than one goal sentence.
            PromptError: If goal and factors do not fit.
        """
        sentences, indices = self._combinations(prompts)
        return FactoredHead.compose(list(self.factors), ideal_words(embed(encoder, sentences), indices))

    def _combinations(self, prompts: PromptSet) -> tuple[tuple[str, ...], Int[torch.Tensor, "k f"]]:
        if len(prompts.goal) != 1:
            raise SpecError(f"a factored goal is one pattern such as 'a {{robot}} {{pose}}'; got {prompts.goal}.")
        return every_combination(prompts.goal[0], self.factors)


def every_combination(
    pattern: str, factors: Mapping[str, Sequence[str]]
) -> tuple[tuple[str, ...], Int[torch.Tensor, "k f"]]:
    """All sentences of a pattern, the last factor changing fastest; the first sentence is the goal.

    A value may be empty: "" beside "kneeling" is the plain scene, as a baseline is. Any factors will do, for instance
    subject, verb and object of an interaction, to see which of the three a frame fails to show.

    Args:
        pattern: Names each factor in braces.
        factors: The values of each factor by its name, the wanted one first.

    Returns:
        The sentences, and for each the number of its value in each factor.

    Raises:
        PromptError: Pattern and factors do not fit, a factor has not two different values, or there are too many
            sentences.

    Example:
        >>> robot = {"pose": ["kneeling", ""], "robot": ["cheetah", "hopper"]}
        >>> sentences, values = every_combination("a {robot} {pose}", robot)
        >>> sentences
        ('a cheetah kneeling', 'a hopper kneeling', 'a cheetah', 'a hopper')
        >>> values.tolist()
        [[0, 0], [0, 1], [1, 0], [1, 1]]
        >>> svo = {"subject": ["robot", "person"], "verb": ["pushing", "lifting"], "object": ["box", "ball"]}
        >>> every_combination("a {subject} {verb} a {object}", svo)[0][:3]
        ('a robot pushing a box', 'a robot pushing a ball', 'a robot lifting a box')
    """
    _require_fit(pattern, factors)
    for name, values in factors.items():
        _require_values(name, values)
    count = math.prod(len(values) for values in factors.values())
    if count > MOST_COMBINATIONS:
        raise PromptError(
            f"{' x '.join(str(len(values)) for values in factors.values())} values make {count} sentences, of which "
            f"at most {MOST_COMBINATIONS} are embedded. Leave values or factors out."
        )
    # an empty value leaves two blanks, hence the split
    sentences = tuple(
        " ".join(pattern.format(**dict(zip(factors, values, strict=True))).split())
        for values in itertools.product(*factors.values())
    )
    numbers = itertools.product(*(range(len(values)) for values in factors.values()))
    return sentences, torch.tensor(list(numbers))


@dataclass(frozen=True, eq=False)
class IdealWords:
    """The parts that the sentences of a factored goal are sums of, nearly."""

    common: Vector
    """Mean of all sentences, u0."""
    words: tuple[Float[torch.Tensor, "_ d"], ...]
    """One row per value, one tensor per factor; the rows of each sum to 0."""

    def compose(self, values: Sequence[int]) -> Vector:
        """The sum for one value of each factor, not of unit length.

        Args:
            values: The number of the value in each factor.
        """
        return self.common + sum(words[value] for words, value in zip(self.words, values, strict=True))


def ideal_words(embeddings: Embeddings, indices: Int[torch.Tensor, "k f"]) -> IdealWords:
    """Take the sentences of a factored goal apart.

    Args:
        embeddings: One row per sentence.
        indices: As `every_combination` gave them.

    Raises:
        SpecError: Not every combination is there once, without which means are no least-squares fit.

    Example:
        >>> _, indices = every_combination("{a} {b}", {"a": ["x", "y"], "b": ["x", "y"]})
        >>> parts = ideal_words(torch.tensor([[4.0, 3.0], [4.0, 1.0], [2.0, 3.0], [2.0, 1.0]]), indices)
        >>> parts.common
        tensor([3., 2.])
        >>> parts.words[0]
        tensor([[ 1.,  0.],
                [-1.,  0.]])
    """
    counts = (indices.amax(dim=0) + 1).tolist()
    different = len({tuple(values) for values in indices.tolist()})
    if not len(embeddings) == len(indices) == different == math.prod(counts):
        raise SpecError(
            f"ideal words need every combination of {' x '.join(map(str, counts))} values once; got "
            f"{len(embeddings)} embeddings and {different} combinations. Take those of "
            "every_combination."
        )
    common = embeddings.mean(dim=0)
    centred = embeddings - common
    words = []
    for factor, count in enumerate(counts):
        holds = torch.nn.functional.one_hot(indices[:, factor], count).to(embeddings.dtype)  # k v
        words.append(holds.T @ centred * (count / len(embeddings)))
    return IdealWords(common, tuple(words))


@dataclass(frozen=True, eq=False)
class FactoredHead(Head):
    """Cosine with the composed goal, and what each factor adds to it."""

    names: tuple[str, ...]
    """Names of the factors."""
    common: Vector
    """u0 over the length of the composed goal."""
    wanted: Float[torch.Tensor, "f d"]
    """The ideal word of each factor's wanted value, over the same length."""

    @classmethod
    def compose(cls, names: Sequence[str], parts: IdealWords) -> "FactoredHead":
        """The head whose goal is the first value of each factor.

        Args:
            names: Of the factors, in their order.
            parts: The ideal words.

        Raises:
            PromptError: The encoder sees no difference between a factor's values, or the parts cancel out.
        """
        for name, words in zip(names, parts.words, strict=True):
            if bool(words[0].norm() < 1e-3):
                raise PromptError(f"the wanted value of {name!r} looks like the mean of all to the encoder. Reword it.")
            if bool(((words[1:] - words[0]).norm(dim=1) < 1e-3).any()):
                raise PromptError(f"the wanted value of {name!r} looks like another one to the encoder. Reword it.")
        length = parts.compose([0] * len(names)).norm()
        if bool(length < 1e-6):
            raise PromptError("the parts of the goal point in opposite directions and cancel out. Use fewer factors.")
        return cls(tuple(names), parts.common / length, torch.stack([words[0] for words in parts.words]) / length)

    def breakdown(self, embeddings: Embeddings) -> Float[torch.Tensor, "n f"]:
        """What each factor adds to the reward: above 0 where the frame shows the wanted value more than the others.

        With v values it is (v - 1) / v of what the frame shows the wanted one more than the mean of the others.
        """
        return embeddings @ self.wanted.T

    def in_common(self, embeddings: Embeddings) -> Rewards:
        """The part of the reward that every combination of values would get: reward less the sum of `breakdown`."""
        return embeddings @ self.common

    def columns(self, embeddings: Embeddings) -> Mapping[str, Rewards]:
        """Return what each factor adds, and what all combinations have in common."""
        parts = dict(zip(self.names, self.breakdown(embeddings).T, strict=True))
        return {**parts, "in common": self.in_common(embeddings)}

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """Return one score per embedding."""
        return self.in_common(embeddings) + self.breakdown(embeddings).sum(dim=1)


def _require_fit(pattern: str, factors: Mapping[str, Sequence[str]]) -> None:
    """The pattern names all factors and nothing else."""
    try:
        fields = [field for field in string.Formatter().parse(pattern) if field[1] is not None]
    except ValueError as error:
        raise PromptError(f"braces of the pattern do not match ({error}): {pattern!r}. Write {{robot}}.") from error
    if not factors:
        raise PromptError(f"no factors were given for the pattern {pattern!r}. Give the values of each by its name.")
    for _, name, form, conversion in fields:
        if name not in factors:
            near = near_matches(name or "", factors)
            raise PromptError(f"the pattern {pattern!r} names {name!r}, which is not a factor. Near: {near}.")
        if form or conversion:
            raise PromptError(f"a factor stands in its pattern by its name alone, {{{name}}}; got {pattern!r}.")
    named = [name for _, name, _, _ in fields if name]
    for name in factors:
        if name not in named:
            near = near_matches(name, named)
            raise PromptError(f"the factor {name!r} is not in the pattern {pattern!r}. Near: {near}.")


def _require_values(name: str, values: Sequence[str]) -> None:
    """At least two different texts."""
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise PromptError(f"the values of factor {name!r} are a list of texts; got {values!r}.")
    said = [" ".join(value.lower().split()) for value in values]
    if len(set(said)) < max(len(said), 2):
        raise PromptError(
            f"factor {name!r} needs at least two values, each different, the wanted one first; got {list(values)!r}."
        )
