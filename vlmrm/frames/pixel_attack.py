"""Pictures changed by hardly anything, so that a number which depends on them rises as far as it can.

Projected gradient descent (Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks", arXiv
1706.06083): from a random place within the budget, so many steps of one size along the sign of the gradient, each
brought back to within the budget and to 0..255. The direction has momentum: gradients of all steps count, each scaled
to the same length. Steps of 1/255 and the momentum of 0.9 are FARE's (Schlarmann et al. 2024, arXiv 2402.12336), which
takes ten steps in training; twenty steps reach on rewards of the built-in models what ten do not.

Budget and steps are whole levels, so that each step ends at a picture that can be saved and shown: nothing is rounded
afterwards, and what is scored is what a camera could have taken.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vlmrm.errors import EncoderError, SpecError
from vlmrm.types import Frames, Levels, Rewards
from vlmrm.values import require_share, require_whole

_BRIGHTEST = 255
RaisedByAttack = Callable[[Levels], Rewards]
"""What an attack raises: a number per picture, with a gradient to its levels."""


@dataclass(frozen=True, kw_only=True)
class AttackOptions:
    """How far pixels may be moved, and how.

    Raises:
        SpecError: A value is impossible.
    """

    budget: int = 2
    """The farthest that a level of a pixel may move, of 255; at least 1. No eye sees 2."""
    steps: int = 20
    """Number of steps, at least 1."""
    step: int = 1
    """Levels that a step moves each pixel, at least 1."""
    momentum: int | float = 0.9
    """Share of the last direction that is kept, 0 to below 1; 0 is projected gradient descent as it was published."""
    seed: int = 0
    """Random seed of the place where it begins."""

    def __post_init__(self) -> None:
        for name in ("budget", "steps", "step"):
            require_whole(name, getattr(self, name))
        require_whole("seed", self.seed, at_least=0)
        require_share("momentum", self.momentum)
        if self.momentum == 1:
            raise SpecError("a momentum of 1 never forgets the first step; give one below 1.")
        if self.budget > _BRIGHTEST:
            raise SpecError(f"budget is a number of levels of 255; got {self.budget}.")


def attack_pixels(frames: Frames, raised: RaisedByAttack, options: AttackOptions | None = None) -> Frames:
    """Return the frames within the budget, of those that the attack passed, of which the number is highest.

    The number of a frame must depend on that frame alone.

    Args:
        frames: RGB frames of any one size.
        raised: What shall rise.
        options: How far pixels may be moved, and how. None: the defaults.

    Returns:
        uint8 frames; where no step helped, the frame as it was, so that the number is never lower than before.

    Raises:
        EncoderError: No gradient reaches the pixels.

    Example:
        >>> grey = torch.full((1, 2, 2, 3), 100, dtype=torch.uint8)
        >>> redness = lambda levels: (levels[..., 0] - levels[..., 1]).mean(dim=(1, 2))
        >>> attack_pixels(grey, redness)[0, 0, 0, :2].tolist()
        [102, 98]
    """
    options = options or AttackOptions()
    with torch.inference_mode(False), torch.enable_grad():
        clean = frames.detach().clone().float()
        lowest = (clean - options.budget).clamp(min=0)
        highest = (clean + options.budget).clamp(max=_BRIGHTEST)
        generator = torch.Generator().manual_seed(options.seed)
        moved = torch.randint(-options.budget, options.budget + 1, clean.shape, generator=generator)
        now = (clean + moved.to(clean.device)).clamp(lowest, highest)
        with torch.no_grad():
            best, value = clean, raised(clean).detach()
        direction = torch.zeros_like(clean)
        for _ in range(options.steps):
            reached, gradient = _slope(raised, now)
            best, value = _better(best, value, now, reached)
            direction = options.momentum * direction + gradient
            now = (now + options.step * direction.sign()).clamp(lowest, highest)
        with torch.no_grad():
            best, _ = _better(best, value, now, raised(now))
        return best.to(torch.uint8)


def noisy_pixels(frames: Frames, options: AttackOptions | None = None) -> Frames:
    """Return frames each of whose levels is moved by the whole budget, up or down by chance: an attack's control.

    Args:
        frames: RGB frames of any one size.
        options: Budget and seed. None: the defaults.

    Example:
        >>> grey = torch.full((1, 4, 4, 3), 100, dtype=torch.uint8)
        >>> noisy_pixels(grey, AttackOptions(budget=4)).unique().tolist()
        [96, 104]
    """
    options = options or AttackOptions()
    generator = torch.Generator().manual_seed(options.seed)
    signs = 2 * torch.randint(0, 2, frames.shape, generator=generator) - 1
    return (frames.int() + options.budget * signs.to(frames.device)).clamp(0, _BRIGHTEST).to(torch.uint8)


def _slope(raised: RaisedByAttack, levels: Levels) -> tuple[Rewards, Levels]:
    """What is raised, and its gradient, each picture's of length 1 (by the sum of sizes) unless it is 0."""
    asked = levels.detach().requires_grad_()
    found = raised(asked)
    if not found.requires_grad:
        raise EncoderError(
            "no gradient of what an attack shall raise reaches the pixels: something on the way works without "
            "gradients. Ask a model through vlmrm.encoders.towers.gradients.DifferentiableEncoder."
        )
    (gradient,) = torch.autograd.grad(found.sum(), asked)
    length = gradient.abs().sum(dim=(1, 2, 3), keepdim=True)
    return found.detach(), gradient / length.clamp(min=torch.finfo(length.dtype).tiny)


def _better(best: Levels, value: Rewards, now: Levels, reached: Rewards) -> tuple[Levels, Rewards]:
    higher: Tensor = reached > value
    return torch.where(higher[:, None, None, None], now, best), torch.where(higher, reached, value)
