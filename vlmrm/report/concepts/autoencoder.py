"""A sparse autoencoder: each embedding as the mean of all, and a little of a few directions that many frames share.

TopK (Gao et al. 2024, arXiv 2406.04093), as Pach et al. 2025 (arXiv 2504.02821) train it on CLIP's embeddings. With the
mean c of the embeddings x, unit directions d_k and a learned encoder w_k, b_k,

    a = the `active` highest of relu(w_k . (x - c) + b_k), all else 0        x ~ c + sum of a_k d_k

Directions begin as frames chosen at random and w_k as d_k. A latent that is not active for a while begins anew as what
the others leave over of a frame, of one that they rebuild badly sooner than of another (Bricken et al. 2023, "Towards
Monosemanticity"), so that no kind of frame is missed by chance. Those that frames have no use for stay dead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.errors import FrameError, SpecError
from vlmrm.types import Embeddings
from vlmrm.values import require_above_0, require_whole

FRAMES_A_LATENT = 4
"""Frames that there must be for each latent: one of fewer frames is a frame, and no concept."""
_BATCH = 256
_JITTER = 0.01  # length of what is added to frames where directions begin, so that two from one frame can part
_PATIENCE, _SETTLED = 25, 0.6  # steps after which idle latents begin anew, and share of them after which none does
_COOLING = 0.3  # share of the steps in which the learning rate falls to 0
_SAME = 1e-6  # mean squared distance from the mean below which all embeddings are one


@dataclass(frozen=True, kw_only=True)
class AutoencoderOptions:
    """How embeddings are taken apart.

    Raises:
        SpecError: A value is impossible.

    Example:
        >>> AutoencoderOptions(latents=4, active=5)
        Traceback (most recent call last):
        vlmrm.errors.SpecError: active is at most the number of latents; got active=5 of 4. Lower it or raise latents.
    """

    latents: int = 32
    """Number of directions, at least 1; those that frames have no use for stay dead."""
    active: int = 2
    """How many of them a frame may be made of beside the mean (k of TopK), 1 to `latents`. More explain more of each
    frame, and are harder to read."""
    steps: int = 500
    """Steps of Adam, each on 256 frames."""
    learning_rate: int | float = 0.01
    """Learning rate of Adam, above 0; it falls to 0 over the last 30 % of the steps. Embeddings are brought to a mean
    squared length of 1 before."""
    seed: int = 0
    """Random seed of the first directions and of the batches."""

    def __post_init__(self) -> None:
        for name in ("latents", "active", "steps"):
            require_whole(name, getattr(self, name))
        require_whole("seed", self.seed, at_least=0)
        require_above_0("learning_rate", self.learning_rate)
        if self.active > self.latents:
            raise SpecError(
                f"active is at most the number of latents; got active={self.active} of {self.latents}. Lower it or "
                "raise latents."
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class SparseAutoencoder:
    """Directions that embeddings are made of, and what finds them in an embedding."""

    mean: Float[Tensor, " d"]
    """Mean of the embeddings that it was trained on."""
    directions: Float[Tensor, "l d"]
    """Direction of each latent, of unit length."""
    weights: Float[Tensor, "d l"]
    """What each latent looks for."""
    bias: Float[Tensor, " l"]
    """What is added to what it finds."""
    active: int
    """How many latents a frame may be made of."""

    def activations(self, embeddings: Embeddings) -> Float[Tensor, "n l"]:
        """Return how much of each direction is in each embedding, 0 for most.

        Args:
            embeddings: Unit-length rows.
        """
        return _highest((embeddings - self.mean) @ self.weights + self.bias, self.active)

    def rebuild(self, activations: Float[Tensor, "n l"]) -> Float[Tensor, "n d"]:
        """Return the mean with these amounts of the directions; not of unit length.

        Args:
            activations: As `activations` returns them.
        """
        return self.mean + activations @ self.directions

    def explained(self, embeddings: Embeddings) -> float:
        """Return the share of the embeddings' variance that it rebuilds, 1 for all of it.

        Args:
            embeddings: Unit-length rows, not all alike.
        """
        left = (embeddings - self.rebuild(self.activations(embeddings))).square().sum()
        return float(1 - left / (embeddings - embeddings.mean(dim=0)).square().sum())


def train_autoencoder(embeddings: Embeddings, options: AutoencoderOptions | None = None) -> SparseAutoencoder:
    """Find directions that embeddings are made of, a few of them in each.

    Args:
        embeddings: Unit-length rows, at least `FRAMES_A_LATENT` for each latent.
        options: How to take them apart. None: as usual.

    Raises:
        FrameError: There are too few embeddings, or all are the same.

    Example:
        >>> corners = torch.eye(4).repeat(8, 1)
        >>> found = train_autoencoder(corners, AutoencoderOptions(latents=4, active=1, steps=100))
        >>> round(found.explained(corners), 2)
        1.0
    """
    options = options or AutoencoderOptions()
    _require_enough(embeddings, options)
    mean = embeddings.mean(dim=0)
    scale = (embeddings - mean).square().sum(dim=1).mean().sqrt()
    rows = (embeddings - mean) / scale
    draws = torch.Generator().manual_seed(options.seed)
    directions, weights, bias = _descend(rows, options, draws)
    return SparseAutoencoder(
        mean=mean, directions=directions, weights=weights.T, bias=bias * scale, active=options.active
    )


def _require_enough(embeddings: Embeddings, options: AutoencoderOptions) -> None:
    n, needed = len(embeddings), FRAMES_A_LATENT * options.latents
    if n < needed:
        raise FrameError(
            f"{options.latents} latents need at least {needed} frames, {FRAMES_A_LATENT} for each; got {n}. Give more "
            "frames, or ask for fewer latents."
        )
    if float((embeddings - embeddings.mean(dim=0)).square().sum(dim=1).mean()) < _SAME:
        raise FrameError(f"all {n} frames have the same embedding, so there is nothing to take apart.")


def _descend(
    rows: Float[Tensor, "n d"], options: AutoencoderOptions, draws: torch.Generator
) -> tuple[Float[Tensor, "l d"], Float[Tensor, "l d"], Float[Tensor, " l"]]:
    """Directions, what each latent looks for, and bias after all steps of Adam."""
    first = rows[torch.randint(len(rows), (options.latents,), generator=draws)]
    jitter = torch.randn(first.shape, generator=draws) * _JITTER / rows.shape[1] ** 0.5
    directions = normalize(first + jitter, dim=1)
    learned = [one.requires_grad_() for one in (directions, directions.clone(), torch.zeros(options.latents))]
    adam = torch.optim.Adam(learned, lr=float(options.learning_rate))
    cooling = torch.optim.lr_scheduler.LambdaLR(
        adam, lambda step: min(1.0, (options.steps - step) / (_COOLING * options.steps))
    )
    idle = torch.zeros(options.latents)
    for step in range(1, options.steps + 1):
        batch = rows[torch.randint(len(rows), (_BATCH,), generator=draws)]
        left, active = _left(batch, learned, options.active)
        idle = torch.where(active, 0.0, idle + 1)
        adam.zero_grad()
        torch.autograd.backward(left.square().sum(dim=1).mean())
        adam.step()
        cooling.step()
        with torch.no_grad():
            learned[0].copy_(normalize(learned[0], dim=1))
            if step % _PATIENCE == 0 and step < _SETTLED * options.steps:
                _begin_anew(
                    (idle >= _PATIENCE).nonzero().flatten(), _left(rows, learned, options.active)[0], adam, draws
                )
    return learned[0].detach(), learned[1].detach(), learned[2].detach()


def _left(
    rows: Float[Tensor, "n d"], learned: Sequence[Tensor], count: int
) -> tuple[Float[Tensor, "n d"], Bool[Tensor, " l"]]:
    """What is not rebuilt of rows, and which latents are active on any of them."""
    directions, weights, bias = learned
    amounts = _highest(rows @ weights.T + bias, count)
    return rows - amounts @ directions, (amounts > 0).any(dim=0)


def _begin_anew(
    idle: Int[Tensor, " i"], left: Float[Tensor, "n d"], adam: torch.optim.Optimizer, draws: torch.Generator
) -> None:
    """Let latents begin as what is left over of frames, and forget how they were moved."""
    wrong = left.square().sum(dim=1)
    if not len(idle) or not bool((wrong > 0).any()):
        return
    chosen = normalize(left[torch.multinomial(wrong, len(idle), replacement=True, generator=draws)], dim=1)
    directions, weights, bias = adam.param_groups[0]["params"]
    directions[idle], weights[idle], bias[idle] = chosen, chosen, 0.0
    for parameter in (directions, weights, bias):
        for moment in ("exp_avg", "exp_avg_sq"):
            adam.state[parameter][moment][idle] = 0.0


def _highest(found: Float[Tensor, "n l"], count: int) -> Float[Tensor, "n l"]:
    """The highest of each row, where they are above 0; all else is 0."""
    values, places = found.relu().topk(count, dim=1)
    return torch.zeros_like(found).scatter(1, places, values)
