"""Encoders of OpenCLIP and no others, and the two towers that their parameters belong to."""

from collections.abc import Collection
from typing import Any

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.errors import EncoderError

TOWERS = ("image", "text")
"""The names of both towers."""

_TUNABLE = "Take one by name whose weights can be tuned, e.g. sim-m or ViT-B-32/openai; of an ensemble, tune a member."
_NEITHER = ("logit_scale", "logit_bias", "text_decoder.")  # a text_decoder is the part of CoCa that writes captions


def open_clip_encoder(encoder: Encoder, *, otherwise: str | None = None) -> OpenClipEncoder:
    """Return the encoder if it is one of OpenCLIP.

    Args:
        encoder: Any encoder.
        otherwise: What the error advises. None: what can be tuned in the place of this encoder.

    Raises:
        EncoderError: The encoder is not one model of OpenCLIP.

    Example:
        >>> from vlmrm.encoders import load_encoder
        >>> open_clip_encoder(load_encoder("sim-s")).name
        'sim-s'
    """
    if isinstance(encoder, OpenClipEncoder):
        return encoder
    raise EncoderError(f"encoder {encoder.name!r} is not a model of OpenCLIP. {otherwise or _TUNABLE}")


def tower_of(name: str) -> str | None:
    """Return the tower that a parameter or buffer of an OpenCLIP model belongs to; None: to neither.

    Args:
        name: As `torch.nn.Module.named_parameters` gives it.

    Example:
        >>> tower_of("visual.conv1.weight"), tower_of("token_embedding.weight"), tower_of("logit_scale")
        ('image', 'text', None)
    """
    if name.startswith(_NEITHER):
        return None
    return "image" if name.startswith("visual.") else "text"


def text_tower(model: Any) -> Any:
    """Return the module that holds the parts of the text tower: of a CLIP the model itself.

    Args:
        model: A model of OpenCLIP.
    """
    return getattr(model, "text", model)


def require_towers(towers: Collection[str]) -> None:
    """Refuse names that no tower has.

    Args:
        towers: Names of towers.

    Raises:
        EncoderError: A name is unknown.
    """
    unknown = [tower for tower in towers if tower not in TOWERS]
    if isinstance(towers, str) or unknown:
        raise EncoderError(f"towers is a tuple of names out of {TOWERS}; got {towers!r}.")
