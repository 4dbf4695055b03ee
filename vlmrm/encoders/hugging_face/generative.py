"""Models of transformers that write: from a name on the hub, or a folder, to a model and what reads its words.

Weights are safetensors, and no code that comes with a model is run.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from vlmrm.encoders.hub import cached_file, hub_folder
from vlmrm.encoders.open_clip.torchvision_mend import import_open_clip
from vlmrm.encoders.runtime import Runtime
from vlmrm.errors import EncoderError, MissingExtra, OfflineError, UnknownModel
from vlmrm.plain_files import read_json

LOCAL = "local-dir:"
"""What the name of a folder begins with."""
_CONFIG, _WEIGHTS, _INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
_LOAD_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError, SafetensorError)
_DOWNLOADED = ("*.json", "*.safetensors", "*.jinja", "*.txt", "*.model")  # neither pickles nor code
_IMAGE_TEXT = ("AutoModelForImageTextToText", "AutoProcessor")
CAUSAL = ("AutoModelForCausalLM", "AutoTokenizer")
"""Classes of transformers for a language model and its tokenizer."""


def load_generative(
    name: str, runtime: Runtime, *, wanted: str, classes: tuple[str, str] = _IMAGE_TEXT
) -> tuple[Any, Any]:
    """Return a model, whole, and its processor or tokenizer.

    Args:
        name: ``OWNER/NAME`` on the Hugging Face hub, downloaded once, or ``local-dir:FOLDER``, as ``save_pretrained``
            writes it.
        runtime: Where the model lies, and in which precision.
        wanted: What it is wanted as, for errors, such as "judge".
        classes: Of transformers, that load the model and what reads words.

    Raises:
        UnknownModel: There is no such model.
        OfflineError: It would have to be downloaded, and that is not possible.
        MissingExtra: transformers is not installed.
        EncoderError: Weights are missing, or it is no model of this kind.
    """
    transformers, folder = import_transformers(f"the {wanted} {name!r}"), _folder(name, wanted)
    safe = {"local_files_only": True, "trust_remote_code": False}
    shown = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()  # one of a second, for every small model
    try:
        reader = getattr(transformers, classes[1]).from_pretrained(folder, **safe)
        model, notes = getattr(transformers, classes[0]).from_pretrained(
            folder, **safe, use_safetensors=True, dtype=runtime.dtype, output_loading_info=True
        )
    except _LOAD_ERRORS as error:
        raise EncoderError(f"transformers cannot load the {wanted} {name!r}: {error}") from error
    finally:
        if shown:
            transformers.utils.logging.enable_progress_bar()
    if notes["missing_keys"]:
        raise EncoderError(
            f"{folder} lacks {len(notes['missing_keys'])} of the model's weights, {min(notes['missing_keys'])!r} "
            "for one; transformers would make them up at random."
        )
    return model.to(runtime.device), reader


def read_config(name: str, *, wanted: str) -> dict[str, Any]:
    """Return the configuration of a model; nothing else is downloaded.

    Args:
        name: As in `load_generative`.
        wanted: As in `load_generative`.

    Raises:
        UnknownModel: There is no such model.
        OfflineError: It would have to be downloaded, and that is not possible.
        EncoderError: It cannot be read.
    """
    path = _folder(name, wanted, whole=False) / _CONFIG
    try:
        return dict(read_json(path))
    except (OSError, ValueError, TypeError) as error:
        raise EncoderError(f"{path} cannot be read: {type(error).__name__}: {error}.") from error


def import_transformers(wanted_for: str) -> Any:
    """Return transformers, imported so that torchvision does not break it.

    Args:
        wanted_for: What needs it, for the error.

    Raises:
        MissingExtra: It is not installed.
    """
    import_open_clip()  # mends torchvision, which transformers imports too
    try:
        return import_module("transformers")
    except ImportError as error:
        raise MissingExtra(f'{wanted_for} needs transformers: pip install "vlmrm[transformers]"') from error


def _folder(name: str, wanted: str, *, whole: bool = True) -> Path:
    """Where the files lie on this machine; fetches them where that is needed, or the configuration alone."""
    local = name.startswith(LOCAL)
    folder = Path(name.removeprefix(LOCAL)).expanduser() if local else _hub_folder(name, wanted, whole)
    if not (folder / _CONFIG).is_file():
        raise EncoderError(f"{folder} is no model folder: it has no {_CONFIG}.")
    if whole and not _has_weights(folder):
        raise EncoderError(f"{folder} holds no complete weights: {_WEIGHTS}, or all that {_INDEX} names.")
    return folder


def _hub_folder(name: str, wanted: str, whole: bool) -> Path:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise UnknownModel(f"no {wanted} {name!r}. Give OWNER/NAME of the Hugging Face hub, or {LOCAL}FOLDER.")
    cached = cached_file(name, [_CONFIG])
    if cached is not None and (not whole or _has_weights(cached.parent)):
        return cached.parent
    try:
        return hub_folder(name, _DOWNLOADED if whole else (_CONFIG,), wanted_for=name)
    except OfflineError as error:
        raise OfflineError(
            f"the {wanted} {name!r} needs a download, and the hub does not answer. Where there is a network, save "
            f"model and processor with save_pretrained(FOLDER); {LOCAL}FOLDER then works offline. ({error})"
        ) from error


def _has_weights(folder: Path) -> bool:
    """Whether nothing is missing, as after a download that was broken off."""
    try:
        files = list(read_json(folder / _INDEX)["weight_map"].values())
    except FileNotFoundError:
        files = [_WEIGHTS]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return all((folder / file).is_file() for file in files)
