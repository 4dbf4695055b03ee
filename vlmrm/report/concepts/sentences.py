"""Which sentences are nearest to a latent, and whether the nearest of them may name it.

Frames and texts lie apart in the space of an encoder, and a direction is a difference of frames. So it is compared with
differences of sentences: each less the mean of all. The nearest names the latent only if three things agree with it: it
is nearer than chance would bring a direction to the nearest of so many sentences, no sentence about something else is
nearer still, and the frames where the latent is active are the ones that are nearest to the sentence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.errors import SpecError
from vlmrm.metrics import auroc
from vlmrm.plain_files import read_text
from vlmrm.prompts import PromptSet
from vlmrm.report.audit.audited import Audited
from vlmrm.report.scorers import NONSENSE
from vlmrm.tasks import all_tasks
from vlmrm.types import Embeddings

TELLS = 0.75
"""AUROC from which on a sentence tells the frames of a latent: half of the way from chance to all of them."""
_RANDOM, _SURE = 1_000, 0.95  # directions drawn at random, and the share of them that a name has to be nearer than
_SHOWN = 3
_FEWEST = 2  # sentences; of one alone nothing is left when their mean is taken off


@dataclass(frozen=True, kw_only=True)
class NearSentence:
    """A sentence and how near a latent is to it."""

    text: str
    """The sentence."""
    cosine: float
    """Cosine of the latent's direction with the sentence's embedding less the mean of all sentences."""
    tells: float | None
    """Chance that a frame where the latent is active is nearer to the sentence than another frame (AUROC). None: it is
    active on every frame."""
    is_control: bool
    """Whether it is about something else, as a zebra in a simulated scene."""
    fits: bool
    """Whether it may name the latent."""


def usual_sentences(audited: Audited) -> list[str]:
    """Return the sentences of a reward, of its task, and of all tasks that are installed, each once.

    Args:
        audited: The reward and its frames.
    """
    own = [] if audited.task is None or audited.task.reward.prompts is None else _all_of(audited.task.reward.prompts)
    every = [task.reward.prompts for task in all_tasks().values()]
    others = [sentence for prompts in every if prompts is not None for sentence in _all_of(prompts)]
    return list(dict.fromkeys([*audited.sentences, *own, *others]))


def read_sentences(path: str | Path) -> list[str]:
    """Return the sentences of a text file, one a line; empty lines and those that begin with # are left out.

    Args:
        path: The file.

    Raises:
        SpecError: It cannot be read, or has fewer than two sentences.
    """
    try:
        lines = [line.strip() for line in read_text(Path(path)).splitlines()]
    except (OSError, ValueError) as error:
        raise SpecError(f"{path} cannot be read: {error}. Give a text file with one sentence a line.") from error
    found = list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    require_sentences(found, str(path))
    return found


def require_sentences(sentences: Sequence[str], where: str) -> None:
    """Refuse too few sentences, or what is no text.

    Raises:
        SpecError: There are fewer than two different ones.
        PromptError: One is empty or not text.
    """
    if isinstance(sentences, str) or len(set(sentences)) < _FEWEST:
        raise SpecError(
            f"{where}: at least {_FEWEST} different sentences are needed to name concepts; got {sentences!r}."
        )
    PromptSet(list(sentences))


def nearest_sentences(
    directions: Float[Tensor, "l d"],
    active: Bool[np.ndarray, "n l"],
    frames: Embeddings,
    texts: Mapping[str, Float[Tensor, " d"]],
    *,
    seed: int = 0,
) -> list[list[NearSentence]]:
    """Return the nearest sentences of each latent, the nearest first.

    Args:
        directions: Direction of each latent, of unit length.
        active: Whether each latent is active on each frame.
        frames: Unit-length embeddings of the frames.
        texts: Unit-length embedding of each sentence, those about something else among them; at least two.
        seed: Random seed of the directions that chance is measured with.
    """
    names, rows = list(texts), torch.stack(list(texts.values()))
    apart = normalize(rows - rows.mean(dim=0), dim=1)
    by_chance = _cosine_by_chance(apart, seed)
    near = (frames @ rows.T).double().numpy()  # n k
    found = []
    for latent, column in enumerate((directions @ apart.T).numpy()):
        best = np.argsort(-column, kind="stable")[:_SHOWN]
        on = active[:, latent]
        found.append([_near(names[place], float(column[place]), near[:, place], on, by_chance) for place in best])
    return found


def naming(nearest: Sequence[NearSentence]) -> NearSentence | None:
    """Return the sentence that names a latent. None: none of them does.

    Args:
        nearest: The nearest first.

    Example:
        >>> near = NearSentence(text="a red car", cosine=0.4, tells=0.9, is_control=False, fits=True)
        >>> zebra = NearSentence(text="a zebra", cosine=0.5, tells=0.9, is_control=True, fits=False)
        >>> naming([near]).text, naming([zebra, near])
        ('a red car', None)
    """
    if nearest and nearest[0].is_control:
        return None
    return next((one for one in nearest if one.fits), None)


def _near(
    text: str, cosine: float, near: Float[np.ndarray, " n"], on: Bool[np.ndarray, " n"], by_chance: float
) -> NearSentence:
    tells = auroc(near, on) if 0 < on.sum() < len(on) else None
    is_control = text in NONSENSE
    fits = not is_control and cosine > by_chance and tells is not None and tells >= TELLS
    return NearSentence(text=text, cosine=cosine, tells=tells, is_control=is_control, fits=fits)


def _cosine_by_chance(apart: Float[Tensor, "k d"], seed: int) -> float:
    """How near most directions drawn at random are to the nearest sentence."""
    draws = torch.Generator().manual_seed(seed)
    random = normalize(torch.randn(_RANDOM, apart.shape[1], generator=draws), dim=1)
    return float((random @ apart.T).amax(dim=1).quantile(_SURE))


def _all_of(prompts: PromptSet) -> tuple[str, ...]:
    return *prompts.goal, *prompts.baseline, *prompts.negatives
