"""From a name to an encoder, and the list of names."""

from collections.abc import Callable
from typing import Any

from vlmrm.encoders.cards import ModelCard, builtin_folder, builtin_names
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.ensemble import EnsembleEncoder, ensemble_members
from vlmrm.registry import Registry

_OPEN_CLIP = "vlmrm.encoders.open_clip.encoder:OpenClipEncoder.load"  # takes seconds to import
FAMILIES: Registry[Callable[..., Any]] = Registry(
    "encoder family",
    "vlmrm.encoders",
    {
        "local-dir": _OPEN_CLIP,
        "hf-hub": _OPEN_CLIP,
        "random": _OPEN_CLIP,
        "hf-image": "vlmrm.encoders.hugging_face.encoder:HuggingFaceEncoder.load",
        "hf-video": "vlmrm.encoders.video.x_clip:XClipEncoder.load",
    },
)
"""Loaders of encoders by what stands before the colon in a name: ``load(name, *, device, precision, resize_mode)``.

A family of another package is named by an entry point: ``[project.entry-points."vlmrm.encoders"]``.
"""
_PLAIN = "local-dir"  # what reads a name without a colon, and finds its nearest where there is none


def load_encoder(
    name: str,
    *,
    device: str | None = None,
    precision: str | None = None,
    resize_mode: str | None = None,
    batch_size: int | None = None,
) -> Encoder:
    """The encoder of this name, ready to embed.

    Args:
        name: A built-in model (``sim-s``), ``ViT-B-32/openai``, ``ViT-B-32/openai:path/to/weights.safetensors``,
            ``local-dir:FOLDER``, ``hf-hub:OWNER/NAME``, ``hf-image:OWNER/NAME`` for a model in Hugging Face's form,
            ``hf-video:OWNER/NAME`` for a video encoder, or
            ``random:NAME#SEED`` for an untrained control; several of them as an ensemble: ``sim-s + sim-m``,
            ``0.25*sim-s + 0.75*sim-m``. See `vlmrm.encoders.open_clip.names`.
        device: ``cpu``, ``cuda`` …; None: CUDA if there is one, else the CPU.
        precision: ``fp32``, ``bf16`` or ``fp16``; None: what suits the device.
        resize_mode: ``shortest`` crops, ``longest`` pads, ``squash`` distorts; None: as the model was trained.
        batch_size: Frames at a time, which changes the speed and no embedding beyond rounding; None: what suits the
            device.

    Raises:
        UnknownModel: There is no such model or tag; the message names the nearest.
        OfflineError: It would have to be downloaded, and that is not possible.
        EncoderError: The weights are missing, damaged, unsafe or of another architecture, or the members of an
            ensemble have different resize modes.
        SpecError: It is an ensemble with impossible weights or members.

    A built-in model has a `domain`, by which rewards warn of frames and words from outside its small world.

    Example:
        >>> encoder = load_encoder("sim-s")
        >>> encoder.name, encoder.size_px
        ('sim-s', 96)
    """
    members = ensemble_members(name)
    if members:
        encoders = [
            load_encoder(member, device=device, precision=precision, resize_mode=resize_mode, batch_size=batch_size)
            for member in members
        ]
        return EnsembleEncoder(encoders, list(members.values()))
    family, colon, _ = name.partition(":")
    load = FAMILIES[family if colon and family in FAMILIES else _PLAIN]
    at_a_time = {} if batch_size is None else {"batch_size": batch_size}  # families of others may not take it
    encoder: Encoder = load(name, device=device, precision=precision, resize_mode=resize_mode, **at_a_time)
    return encoder


def list_models() -> list[ModelCard]:
    """The models that come with the package and work without a network.

    Every OpenCLIP architecture and tag works too: `vlmrm.encoders.import_open_clip().list_pretrained()`.

    Example:
        >>> "sim-s" in [card.name for card in list_models()]
        True
    """
    return [ModelCard.load(folder) for name in builtin_names() if (folder := builtin_folder(name))]
