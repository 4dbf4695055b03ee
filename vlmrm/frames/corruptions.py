"""Pictures made worse in ten ways and at five severities, to see how far a model or a reward can be trusted.

The idea is that of ImageNet-C (Hendrycks and Dietterich 2019, arXiv 1903.12261): what stays true of a picture stays
true of a turned, noisy or half hidden one. Sizes are shares of the picture's side, so that pictures of any size are
made worse alike.
"""

import io
import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn.functional import affine_grid, conv2d, grid_sample, interpolate, pad

from vlmrm.errors import FrameError, near_matches
from vlmrm.types import Frames

SEVERITIES = 5
"""Severities go from 1 to this."""

_Picture = Float[Tensor, "3 h w"]
_Change = Callable[[_Picture, torch.Generator], _Picture]


def corrupt(frames: Frames, kind: str, severity: int, *, seed: int = 0) -> Frames:
    """Make pictures worse in one way.

    Args:
        frames: RGB frames of any one size.
        kind: One of `CORRUPTIONS`.
        severity: 1 (hardly) to 5 (much).
        seed: Decides patterns, places and directions, of each frame by its place in the batch.

    Returns:
        New frames of the same size.

    Raises:
        FrameError: The kind or the severity is unknown.

    Example:
        >>> white = torch.full((1, 8, 8, 3), 255, dtype=torch.uint8)
        >>> corrupt(white, "contrast", 5).float().mean() < 255 * 0.99, corrupt(white, "blur", 5).min().item()
        (tensor(False), 255)
    """
    if kind not in CORRUPTIONS:
        raise FrameError(f"unknown corruption {kind!r}. Near: {near_matches(kind, CORRUPTIONS)}.")
    if severity not in range(1, SEVERITIES + 1):
        raise FrameError(f"a severity is 1 to {SEVERITIES}; got {severity!r}.")
    make, strengths = CORRUPTIONS[kind]
    change = make(strengths[severity - 1])
    changed = []
    for place, frame in enumerate(frames):
        random = torch.Generator().manual_seed(hash((seed, place)) % 2**63)
        changed.append(change(frame.movedim(-1, 0) / 255, random).movedim(0, -1))
    return torch.stack(changed).mul(255).round().clamp(0, 255).to(torch.uint8) if changed else frames


def _blur(sigma: int | float) -> _Change:
    """Gaussian; sigma is a share of the side."""

    def change(picture: _Picture, _: torch.Generator) -> _Picture:
        pixels = sigma * picture.shape[-1]
        reach = min(math.ceil(3 * pixels), min(picture.shape[1:]) - 1)
        weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / pixels) ** 2)
        weights = weights / weights.sum()
        padded = pad(picture[:, None], (reach,) * 4, mode="reflect")
        return conv2d(conv2d(padded, weights[None, None, None]), weights[None, None, :, None])[:, 0]

    return change


def _noise(deviation: int | float) -> _Change:
    """Gaussian noise of each colour of each pixel; white is 1."""
    return lambda picture, random: (picture + deviation * torch.randn(picture.shape, generator=random)).clamp(0, 1)


def _contrast(kept: int | float) -> _Change:
    """Nearer to the picture's own mean grey."""
    return lambda picture, _: picture.mean() + kept * (picture - picture.mean())


def _fog(thickness: int | float) -> _Change:
    """Bright clouds before everything."""

    def change(picture: _Picture, random: torch.Generator) -> _Picture:
        cloud = thickness * (0.75 + 0.5 * _pattern(picture, random, 1))
        return picture + cloud.clamp(0, 1) * (0.92 - picture)

    return change


def _texture(share: int | float) -> _Change:
    """A coloured pattern that shows through everything."""
    return lambda picture, random: (1 - share) * picture + share * _pattern(picture, random, 3)


def _pattern(picture: _Picture, random: torch.Generator, colours: int) -> Float[Tensor, "c h w"]:
    """Smooth noise of four scales, from 0 to 1."""
    total = torch.zeros(colours, *picture.shape[1:])
    for cells in (3, 6, 12, 24):
        coarse = torch.rand(1, colours, cells, cells, generator=random)
        total += interpolate(coarse, tuple(picture.shape[1:]), mode="bilinear", align_corners=True)[0]
    low, high = total.amin(), total.amax()
    return (total - low) / (high - low)


def _occlude(share: int | float) -> _Change:
    """A grey square that hides this share of the picture."""

    def change(picture: _Picture, random: torch.Generator) -> _Picture:
        height, width = (round(math.sqrt(share) * side) for side in picture.shape[1:])
        free = torch.tensor([picture.shape[1] - height + 1, picture.shape[2] - width + 1])
        top, left = (torch.rand(2, generator=random) * free).long().tolist()
        hidden = picture.clone()
        hidden[:, top : top + height, left : left + width] = 0.5
        return hidden

    return change


def _rotate(degrees: int | float) -> _Change:
    """Turned to the left or to the right, the border continued."""

    def change(picture: _Picture, random: torch.Generator) -> _Picture:
        angle = math.radians(degrees) * (1 if torch.rand((), generator=random) < 0.5 else -1)
        tall = picture.shape[1] / picture.shape[2]
        cos, sin = math.cos(angle), math.sin(angle)
        turn = torch.tensor([[cos, -sin * tall, 0.0], [sin / tall, cos, 0.0]])
        grid = affine_grid(turn[None], [1, *picture.shape], align_corners=False)
        return grid_sample(picture[None], grid, padding_mode="border", align_corners=False)[0]

    return change


def _zoom_out(scale: int | float) -> _Change:
    """The picture at this scale, in the middle of its border's mean colour."""

    def change(picture: _Picture, _: torch.Generator) -> _Picture:
        border = torch.cat([picture[:, 0], picture[:, -1], picture[:, :, 0], picture[:, :, -1]], dim=1).mean(dim=1)
        height, width = (max(1, round(scale * side)) for side in picture.shape[1:])
        small = interpolate(picture[None], (height, width), mode="bilinear", antialias=True, align_corners=False)[0]
        wide = border[:, None, None].expand(picture.shape).clone()
        top, left = (picture.shape[1] - height) // 2, (picture.shape[2] - width) // 2
        wide[:, top : top + height, left : left + width] = small
        return wide

    return change


def _pixelate(share: int | float) -> _Change:
    """Squares of one colour; their number along a side is this share of its pixels."""

    def change(picture: _Picture, _: torch.Generator) -> _Picture:
        cells = tuple(max(1, round(share * side)) for side in picture.shape[1:])
        return interpolate(interpolate(picture[None], cells, mode="area"), tuple(picture.shape[1:]))[0]

    return change


def _jpeg(quality: int | float) -> _Change:
    """Written as JPEG of this quality, and read again."""

    def change(picture: _Picture, _: torch.Generator) -> _Picture:
        pixels = picture.movedim(0, -1).mul(255).round().to(torch.uint8).numpy()
        written = io.BytesIO()
        Image.fromarray(pixels).save(written, "JPEG", quality=int(quality))
        read = Image.open(written).convert("RGB")
        return torch.frombuffer(bytearray(read.tobytes()), dtype=torch.uint8).view(pixels.shape).movedim(-1, 0) / 255

    return change


CORRUPTIONS: dict[str, tuple[Callable[[int | float], _Change], Sequence[int | float]]] = {
    "texture": (_texture, (0.15, 0.25, 0.35, 0.45, 0.55)),
    "rotate": (_rotate, (5, 10, 15, 20, 30)),
    "occlude": (_occlude, (0.05, 0.12, 0.2, 0.3, 0.4)),
    "zoom_out": (_zoom_out, (0.85, 0.7, 0.6, 0.5, 0.4)),
    "contrast": (_contrast, (0.6, 0.4, 0.25, 0.15, 0.1)),
    "fog": (_fog, (0.25, 0.4, 0.55, 0.7, 0.8)),
    "noise": (_noise, (0.04, 0.08, 0.14, 0.2, 0.3)),
    "blur": (_blur, (0.006, 0.012, 0.018, 0.026, 0.036)),
    "pixelate": (_pixelate, (0.4, 0.3, 0.22, 0.17, 0.13)),
    "jpeg": (_jpeg, (30, 18, 10, 6, 3)),
}
"""What makes a picture worse, by name: the change, and its strength at each severity."""
