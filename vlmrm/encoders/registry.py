"""From a name to an encoder, and the list of names."""

from vlmrm.encoders.cards import ModelCard, builtin_folder, builtin_names
from vlmrm.encoders.domain import Domain, DomainGuard
from vlmrm.encoders.encoder import Encoder


def load_encoder(
    name: str, *, device: str | None = None, precision: str | None = None, resize_mode: str | None = None
) -> Encoder:
    """The encoder of this name, ready to embed.

    Args:
        name: A built-in model (``sim-s``), ``ViT-B-32/openai``, ``ViT-B-32/path/to/weights.safetensors``,
            ``local-dir:FOLDER``, ``hf-hub:OWNER/NAME``, or ``random:NAME#SEED`` for an untrained control; see
            `vlmrm.encoders.sources`.
        device: ``cpu``, ``cuda`` …; None: CUDA if there is one, else the CPU.
        precision: ``fp32``, ``bf16`` or ``fp16``; None: what suits the device.
        resize_mode: ``shortest`` crops, ``longest`` pads, ``squash`` distorts; None: as the model was trained.

    Raises:
        UnknownModel: There is no such model or tag; the message names the nearest.
        OfflineError: It would have to be downloaded, and that is not possible.
        EncoderError: The weights are missing, damaged, unsafe or of another architecture.

    A built-in model comes inside a `DomainGuard`, which warns of frames and words from outside its small world.

    Example:
        >>> encoder = load_encoder("sim-s")
        >>> encoder.name, encoder.size_px
        ('sim-s', 96)
    """
    from vlmrm.encoders.open_clip import OpenClipEncoder  # open_clip takes seconds to import

    encoder = OpenClipEncoder.load(name, device=device, precision=precision, resize_mode=resize_mode)
    folder = builtin_folder(name)
    return encoder if folder is None else DomainGuard(encoder, Domain.load(folder))


def list_models() -> list[ModelCard]:
    """The models that come with the package and work without a network.

    Every OpenCLIP architecture and tag works too: `vlmrm.encoders.import_open_clip().list_pretrained()`.

    Example:
        >>> "sim-s" in [card.name for card in list_models()]
        True
    """
    return [ModelCard.load(folder) for name in builtin_names() if (folder := builtin_folder(name))]
