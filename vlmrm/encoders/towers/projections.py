"""The last linear map of each tower of an OpenCLIP model, and what goes into it.

A tower ends in ``g = W phi + b``: the embedding is g, brought to unit length. What is learnt about W (how sure it is,
see `vlmrm.rewards.transforms.uncertainty.laplace`) needs the activations phi. They are read from a twin of the model
that shares every weight with it but these two maps, which are identities there: nothing in the model is touched, not
even for a moment.
"""

import copy
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.towers.inner import open_clip_encoder, text_tower
from vlmrm.errors import EncoderError
from vlmrm.types import Frames

_SUPPORTED = "Supported are OpenCLIP's own ViT, ResNet and text towers, e.g. ViT-B-32, RN50, sim-m."


@dataclass(frozen=True, eq=False)
class LinearProjection:
    """The last linear map of a tower; call it on activations for embeddings that are not yet of unit length.

    Example:
        >>> LinearProjection(torch.tensor([[1.0, 0.0, 2.0]]))(torch.tensor([[3.0, 4.0, 5.0]]))
        tensor([[13.]])
    """

    weight: Float[Tensor, "d a"]
    """One row for each dimension of the embedding."""
    bias: Float[Tensor, " d"] | None = None
    """Added to the product. None: the tower has no bias."""

    def __call__(self, activations: Float[Tensor, "n a"]) -> Float[Tensor, "n d"]:
        """Embeddings of any length, one row per activation."""
        return nn.functional.linear(activations, self.weight, self.bias)


class PreProjection:
    """An OpenCLIP encoder stopped before its last linear maps.

    Args:
        encoder: An `OpenClipEncoder`, which stays as it is.

    Raises:
        EncoderError: A tower does not end in a linear map that can be read.

    Example:
        >>> from vlmrm.encoders import load_encoder
        >>> encoder = load_encoder("sim-s")
        >>> towers = PreProjection(encoder)
        >>> embeddings = towers.text(towers.text_activations(["a pole", "a cart"]))
        >>> unit = nn.functional.normalize(embeddings, dim=1)
        >>> torch.allclose(unit, encoder.embed_texts(["a pole", "a cart"]), atol=1e-5)
        True
    """

    def __init__(self, encoder: Encoder) -> None:
        inner = open_clip_encoder(encoder, otherwise=_SUPPORTED)
        self.frames = _read(*_vision_end(inner.model, inner.name))
        """The map of the vision tower."""
        self.text = _read(*_text_end(inner.model, inner.name))
        """The map of the text tower."""
        self._twin = _Unprojected(
            _twin(inner.model, inner.name),
            inner.tokenizer,
            name=inner.name,
            runtime=inner.runtime,
            resize_mode=inner.preprocessing.resize_mode,
        )

    def frame_activations(self, frames: Frames) -> Float[Tensor, "n a"]:
        """What the vision tower hands to its last map.

        Args:
            frames: RGB; any number, height and width.

        Returns:
            float32 on the CPU, one row per frame.

        Raises:
            FrameError: The frames are not uint8 RGB.
        """
        return self._twin.embed_frames(frames)

    def text_activations(self, texts: list[str]) -> Float[Tensor, "k a"]:
        """What the text tower hands to its last map.

        Returns:
            float32 on the CPU, one row per sentence.

        Raises:
            PromptError: There is no sentence.
        """
        return self._twin.embed_texts(texts)


class _Unprojected(OpenClipEncoder):
    """Batches, pixels and tokens as in any encoder; rows as the towers give them."""

    @staticmethod
    def _unit(rows: list[Tensor]) -> Tensor:
        return torch.cat(rows)


def _vision_end(model: Any, name: str) -> tuple[Any, str]:
    """The module that holds the map, and under which name."""
    visual = model.visual
    if hasattr(visual, "attnpool") and isinstance(getattr(visual.attnpool, "c_proj", None), nn.Linear):
        return visual.attnpool, "c_proj"
    if isinstance(getattr(visual, "proj", None), Tensor):
        return visual, "proj"
    raise EncoderError(
        f"the vision tower of {name!r} ({type(visual).__name__}) has no last linear map of its own. {_SUPPORTED}"
    )


def _text_end(model: Any, name: str) -> tuple[Any, str]:
    tower = text_tower(model)
    if hasattr(model, "text_decoder"):
        raise EncoderError(f"{name!r} is a CoCa, whose towers normalise what they give. {_SUPPORTED}")
    if isinstance(getattr(tower, "text_projection", None), Tensor | nn.Linear):
        return tower, "text_projection"
    raise EncoderError(
        f"the text tower of {name!r} ({type(tower).__name__}) has no last linear map of its own. {_SUPPORTED}"
    )


def _read(owner: Any, attribute: str) -> LinearProjection:
    found = getattr(owner, attribute)
    if isinstance(found, nn.Linear):
        bias = None if found.bias is None else found.bias.detach().float().cpu()
        return LinearProjection(found.weight.detach().float().cpu(), bias)
    return LinearProjection(found.detach().float().cpu().T)  # open_clip multiplies from the right


def _twin(model: Any, name: str) -> Any:
    """The same modules around the very same weights, with an identity for each last map."""
    shared = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
    twin = copy.deepcopy(model, shared)
    for owner, attribute in (_vision_end(twin, name), _text_end(twin, name)):
        found = getattr(owner, attribute)
        if isinstance(found, nn.Linear):
            found.weight = _identity(found.weight, found.in_features)
            found.register_parameter("bias", None)
        else:
            setattr(owner, attribute, _identity(found, found.shape[0]))
    return twin


def _identity(like: Tensor, width: int) -> nn.Parameter:
    return nn.Parameter(torch.eye(width, dtype=like.dtype, device=like.device), requires_grad=False)
