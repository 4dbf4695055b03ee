"""From a name to an encoder, and the list of names."""

from vlmrm.encoders.cards import ModelCard, builtin_folder, builtin_names
from vlmrm.encoders.domain import Domain
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.ensemble import EnsembleEncoder, ensemble_members
from vlmrm.encoders.video.files import VIDEO_PREFIX
from vlmrm.encoders.video.x_clip import XClipEncoder


def load_encoder(
    name: str, *, device: str | None = None, precision: str | None = None, resize_mode: str | None = None
) -> Encoder:
    """The encoder of this name, ready to embed.

    Args:
        name: A built-in model (``sim-s``), ``ViT-B-32/openai``, ``ViT-B-32/path/to/weights.safetensors``,
            ``local-dir:FOLDER``, ``hf-hub:OWNER/NAME``, ``hf-video:OWNER/NAME`` for a video encoder, or
            ``random:NAME#SEED`` for an untrained control; several of them as an ensemble: ``sim-s + sim-m``,
            ``0.25*sim-s + 0.75*sim-m``. See `vlmrm.encoders.open_clip.names`.
        device: ``cpu``, ``cuda`` …; None: CUDA if there is one, else the CPU.
        precision: ``fp32``, ``bf16`` or ``fp16``; None: what suits the device.
        resize_mode: ``shortest`` crops, ``longest`` pads, ``squash`` distorts; None: as the model was trained.

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
            load_encoder(member, device=device, precision=precision, resize_mode=resize_mode) for member in members
        ]
        return EnsembleEncoder(encoders, list(members.values()))
    if name.startswith(VIDEO_PREFIX):
        return XClipEncoder.load(name, device=device, precision=precision, resize_mode=resize_mode)
    from vlmrm.encoders.open_clip.encoder import OpenClipEncoder  # open_clip takes seconds to import

    encoder = OpenClipEncoder.load(name, device=device, precision=precision, resize_mode=resize_mode)
    folder = builtin_folder(name)
    if folder is not None:
        encoder.domain = Domain.load(folder)
    return encoder


def list_models() -> list[ModelCard]:
    """The models that come with the package and work without a network.

    Every OpenCLIP architecture and tag works too: `vlmrm.encoders.import_open_clip().list_pretrained()`.

    Example:
        >>> "sim-s" in [card.name for card in list_models()]
        True
    """
    return [ModelCard.load(folder) for name in builtin_names() if (folder := builtin_folder(name))]
