"""How scripts/train_builtin.py learns: the loss, the optimiser, its schedule, and a line now and then."""

import math
import time
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

_LEFT_OUT = -1e4  # a logit whose share of a softmax is exactly 0


def soft_clip_loss(logits: Tensor, log_truth: Tensor, pictures: Sequence[int], sentences: Sequence[int]) -> Tensor:
    """Cross-entropy with soft targets, both ways: over the whole batch, and over each scene's pictures and sentences.

    The blocks of one scene's pictures and another's sentences have even targets: a sentence about another scene must
    not prefer one state to another, or it would train an agent on something that it does not say.

    Args:
        logits: Scaled cosines (n, k), pictures and sentences sorted by scene.
        log_truth: Log-truth of sentence k for picture n; NaN where nothing is known, and nothing is taught.
        pictures: How many of each scene.
        sentences: How many of each scene, and then perhaps of those about none.
    """
    unknown = log_truth.isnan()
    logits, log_truth = logits.masked_fill(unknown, _LEFT_OUT), log_truth.masked_fill(unknown, _LEFT_OUT)
    return (
        _cross_entropy(logits, log_truth).mean()
        + _cross_entropy(logits.T, log_truth.T).mean()
        + _by_scene(logits, log_truth, pictures, sentences)
        + _by_scene(logits.T, log_truth.T, sentences, pictures)
    )


def _by_scene(logits: Tensor, log_truth: Tensor, rows: Sequence[int], columns: Sequence[int]) -> Tensor:
    """The mean over rows with the columns of their own scene, and over rows with those of every other scene."""
    blocks = zip(logits.split(list(columns), dim=1), log_truth.split(list(columns), dim=1), strict=True)
    losses = torch.stack([_cross_entropy(*block) for block in blocks], dim=1)  # row, scene of the columns
    scene = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor(rows))
    own = scene[:, None] == torch.arange(len(columns))
    return losses[own].mean() + (losses[~own].mean() if losses.shape[1] > 1 or len(rows) > 1 else 0.0)


def _cross_entropy(logits: Tensor, log_truth: Tensor) -> Tensor:
    return -(log_truth.softmax(dim=1) * logits.log_softmax(dim=1)).sum(dim=1)


class Muon(torch.optim.Optimizer):
    """Momentum whose every step is made orthogonal, so that all directions of a matrix learn at one pace.

    Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks", with the quintic Newton-Schulz
    iteration given there. A convolution counts as a matrix of one row per output channel (torch's own Muon takes
    matrices only).
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, lr: float, momentum: float = 0.95, dtype: torch.dtype
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})
        self._dtype = dtype  # of the iteration, which bears half precision

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One update."""
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient = parameter.grad
                momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(gradient))
                momentum.lerp_(gradient, 1 - group["momentum"])
                ahead = gradient.lerp(momentum, group["momentum"])
                matrix = ahead.reshape(len(ahead), -1)
                scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
                update = orthogonal(matrix.to(self._dtype)).to(parameter.dtype)
                parameter.add_(update.reshape(parameter.shape), alpha=-group["lr"] * scale)


def orthogonal(matrix: Tensor) -> Tensor:
    """Roughly the nearest matrix with singular values of 1: five steps leave them between 0.7 and 1.2."""
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(5):
        square = wide @ wide.T
        wide = 3.4445 * wide + (-4.7750 * square + 2.0315 * square @ square) @ wide
    return wide.T if matrix.shape[0] > matrix.shape[1] else wide


def schedule(step: int, steps: int, warmup: int) -> float:
    """Share of the full learning rate: a linear warm-up, then a cosine to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Of all its parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def descend(loss: Tensor, parameters: list[nn.Parameter], optimisers: list[torch.optim.Optimizer]) -> None:
    """One update."""
    for optimiser in optimisers:
        optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 1.0)
    for optimiser in optimisers:
        optimiser.step()


class Progress:
    """Steps, and how fast they go.

    Args:
        what: Is done.
        first: Step.
        steps: Of the whole.
    """

    def __init__(self, what: str, first: int, steps: int) -> None:
        self._what, self._first, self._steps = what, first, steps

    def __iter__(self) -> Iterator[int]:
        self._begun = time.time()
        return iter(range(self._first, self._steps))

    def report(self, step: int, numbers: str) -> None:
        """Print a line every 50 steps."""
        if (step + 1) % 50:
            return
        rate = (step + 1 - self._first) / (time.time() - self._begun)
        left = (self._steps - step - 1) / rate / 60
        print(f"{self._what} {step + 1}/{self._steps}  {numbers}  {rate:.1f} steps/s  {left:.0f} min left", flush=True)
