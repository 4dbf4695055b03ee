"""Where a vision tower looks, and the crop of a frame that it looks at most.

A tower ends by pooling its patches: each counts for as much as the attention it gets. Crops are placed where that is
highest, in the manner of ABS (Cai et al. 2025, "From Local Details to Global Context: Advancing Vision-Language Models
with Attention-Based Selection", arXiv 2505.13233). This is a part of ABS and not the same. ABS takes the attention of
DINO, and many crops of random size around patches that it samples; it selects among features inside the tower as well,
and among descriptions by a language model. Here the attention is the encoder's own, and one crop of each size is cut
from raw pixels, always in the same place of the same frame.

The attention is read by a hook while the encoder embeds the frames, so that it costs next to nothing more, and the hook
is gone afterwards. A small tower gives a coarse map: sim-m has 4 x 4 patches.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import interpolate

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.open_clip.torchvision_mend import import_open_clip
from vlmrm.encoders.towers.inner import open_clip_encoder
from vlmrm.errors import EncoderError
from vlmrm.types import Embeddings, Frames

AttentionMaps = Float[Tensor, "n g g"]

_INSTEAD = (
    'Supported are OpenCLIP\'s own ViT and ResNet towers, e.g. ViT-B-32, RN50, sim-m; elsewhere use positions="centre" '
    'or "corners".'
)
_QUERIES = {"tok": slice(0, 1), "avg": slice(1, None)}  # the class token comes first
_EQUAL_SHARE = 1e-4  # of the attention; well above rounding, so that a frame's company never decides between two places
_TINY = 1e-12


def embed_with_attention(encoder: Encoder, frames: Frames) -> tuple[Embeddings, AttentionMaps]:
    """Embeddings, and how much the pooling of the vision tower looks at each patch of the square picture it sees.

    Of a ResNet it is the attention of its pool, where the mean of all patches asks. Of a ViT it is that of the class
    token in the last block; where the tower averages its patches, the mean over all that ask; where it has a pooler,
    that of the pooler. All are means over heads, less what the class or mean token gets.

    Args:
        encoder: An `OpenClipEncoder`, which stays as it is.
        frames: RGB; any number, height and width.

    Returns:
        What `Encoder.embed_frames` returns; and float32 on the CPU, at least 0, where each frame's patches sum to 1,
        rows from the top.

    Raises:
        EncoderError: The vision tower pools in another way.
        FrameError: The frames are not uint8 RGB.

    Example:
        >>> from vlmrm.encoders import load_encoder
        >>> frames = torch.zeros(2, 96, 96, 3, dtype=torch.uint8)
        >>> _, maps = embed_with_attention(load_encoder("random:sim-s"), frames)
        >>> maps.shape, maps.sum(dim=(1, 2)).round(decimals=3)
        (torch.Size([2, 3, 3]), tensor([1., 1.]))
    """
    pooling, read = _pooling(encoder)
    seen: list[Tensor] = []
    here = threading.get_ident()

    def look(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        if threading.get_ident() == here:  # another may use the same tower
            seen.append(read(pooling, *inputs).float().cpu())

    hook = pooling.register_forward_pre_hook(look)
    try:
        embeddings = encoder.embed_frames(frames)
    finally:
        hook.remove()
    patches = torch.cat(seen)[:, 1:] + _TINY  # even where half precision has rounded all of them to 0
    side = round(patches.shape[1] ** 0.5)
    return embeddings, (patches / patches.sum(dim=1, keepdim=True)).reshape(-1, side, side)


def require_attention(encoder: Encoder) -> None:
    """Refuse an encoder whose attention cannot be read, before there is any frame.

    Raises:
        EncoderError: The vision tower pools in another way.
    """
    _pooling(encoder)


def place_crops(attention: AttentionMaps, *, size_px: int, side_px: int) -> Int[Tensor, "n 2"]:
    """The place in each frame where a square crop holds most of the attention, and among equals nearest to the middle.

    The map is interpolated to the frame's pixels first, so that a crop lies around what is looked at. Places count as
    equal where they differ by less than a ten-thousandth of the attention.

    Args:
        attention: Maps that sum to 1, one per frame.
        size_px: Side of the frames.
        side_px: Side of the crop, at most the frame's.

    Returns:
        Top and left of each crop, in pixels.

    Example:
        >>> looked_at = torch.zeros(1, 4, 4)
        >>> looked_at[0, 0, 3] = 1.0  # at the top right
        >>> place_crops(looked_at, size_px=64, side_px=32)
        tensor([[ 0, 32]])
    """
    shares = _shares(attention.shape[1], size_px, side_px)  # p g
    inside = (shares @ attention @ shares.T).flatten(1)  # n p*p
    offsets = 2 * torch.arange(len(shares)) - (len(shares) - 1)  # twice, as the middle may lie between two pixels
    distances = (offsets[:, None] ** 2 + offsets**2).flatten()
    equals = inside >= inside.amax(dim=1, keepdim=True) - _EQUAL_SHARE
    found = torch.where(equals, distances, distances.max() + 1).argmin(dim=1)  # the first of those
    return torch.stack([found // len(shares), found % len(shares)], dim=1)


def _shares(grid: int, size_px: int, side_px: int) -> Float[Tensor, "p g"]:
    """Of each row of patches, how much of its attention lies within a crop that starts at each pixel."""
    pixels = interpolate(torch.eye(grid, dtype=torch.double)[None], size_px, mode="linear")[0].T  # size_px g
    before = torch.cat([torch.zeros(1, grid), pixels.cumsum(dim=0)]) * grid / size_px
    return (before[side_px:] - before[: len(before) - side_px]).float()


def _pooling(encoder: Encoder) -> tuple[Any, Callable[..., Tensor]]:
    """The module that pools, and how to read its weights (n, 1 + g * g) from itself and its inputs."""
    inner = open_clip_encoder(encoder, otherwise=f"So no attention is known. {_INSTEAD}")
    open_clip, visual = import_open_clip(), inner.model.visual
    if isinstance(visual, open_clip.modified_resnet.ModifiedResNet):
        return visual.attnpool, _weights_of_resnet
    if isinstance(visual, open_clip.transformer.VisionTransformer) and visual.pool_type in _QUERIES:
        pooler = visual.transformer.resblocks[-1] if visual.attn_pool is None else visual.attn_pool
        if isinstance(pooler.attn, nn.MultiheadAttention):  # not those with scaled cosines or normalised queries
            return pooler.attn, partial(_weights_of_vit, _QUERIES[visual.pool_type])
    raise EncoderError(
        f"the vision tower of {inner.name!r} ({type(visual).__name__}) does not pool by an attention that can be read. "
        + _INSTEAD
    )


def _weights_of_resnet(pool: Any, features: Tensor) -> Tensor:
    """The mean token asks; the forward pass of the pool keeps its weights to itself."""
    patches = features.flatten(2).movedim(2, 1)  # n g*g c
    tokens = torch.cat([patches.mean(dim=1, keepdim=True), patches], dim=1)
    tokens = tokens + pool.positional_embedding.to(tokens.dtype)
    query, keys = (
        rows.float().reshape(*rows.shape[:2], pool.num_heads, -1).transpose(1, 2)  # n heads tokens c
        for rows in (pool.q_proj(tokens[:, :1]), pool.k_proj(tokens))
    )
    logits: Tensor = query @ keys.mT / query.shape[-1] ** 0.5
    return logits.softmax(dim=-1).mean(dim=1)[:, 0]


def _weights_of_vit(queries: slice, attention: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The module itself is asked again, for its weights; `forward` runs no hooks."""
    weights: Tensor = attention.forward(query[:, queries], key, value, need_weights=True)[1]  # n queries tokens
    return weights.mean(dim=1)
