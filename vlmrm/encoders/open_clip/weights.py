"""Reading weights without running code that is hidden in them."""

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from vlmrm.encoders.open_clip.torchvision_mend import import_open_clip
from vlmrm.errors import EncoderError

_HUGGING_FACE = ("vision_model.embeddings.", "text_model.embeddings.")


def load_weights(model: torch.nn.Module, checkpoint: Path) -> None:
    """Fill a model with the weights of a file, all of them.

    Args:
        model: Built by open_clip, on any device and of any floating type.
        checkpoint: ``.safetensors``, or a PyTorch file that holds nothing but tensors.

    Raises:
        EncoderError: The file is damaged, holds code, or belongs to another architecture.
    """
    check_weights(checkpoint)
    load_checkpoint: Any = import_open_clip().load_checkpoint
    try:
        load_checkpoint(model, str(checkpoint), strict=True, weights_only=True)
    except (RuntimeError, KeyError, AttributeError, IndexError, TypeError, StopIteration) as error:
        raise EncoderError(
            f"the weights in {checkpoint} do not fit the architecture they were asked for: {_first_lines(error)}"
        ) from error


def check_weights(checkpoint: Path) -> None:
    """Open the file the safe way first, and tell what it is where it is of another form.

    open_clip falls back to an unrestricted `torch.load` when the restricted one raises TypeError, which a file can
    bring about. What passes here cannot raise it there.

    Args:
        checkpoint: ``.safetensors``, or a file of PyTorch.

    Raises:
        EncoderError: The file is damaged, holds code, or is in the form of TorchScript or of Hugging Face.
    """
    if _is_torchscript(checkpoint):
        raise EncoderError(
            f"{checkpoint} is a TorchScript archive, as openai/CLIP gives out: it holds code, which is never run here. "
            "OpenCLIP has the same weights as a tag: use ARCHITECTURE/openai, e.g. ViT-B-32/openai."
        )
    if any(name.startswith(_HUGGING_FACE) for name in _tensor_names(checkpoint)):
        raise EncoderError(
            f"{checkpoint} is in Hugging Face's form. Load the folder that it came in, with its config.json and the "
            "files of processor and tokenizer: hf-image:local-dir:FOLDER."
        )


def _is_torchscript(checkpoint: Path) -> bool:
    if not zipfile.is_zipfile(checkpoint):
        return False
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except zipfile.BadZipFile:  # told with more detail by the reader
        return False


def _tensor_names(checkpoint: Path) -> list[str]:
    """The names of the tensors in a file, where it holds a table of them."""
    try:
        if checkpoint.suffix == ".safetensors":
            with safe_open(checkpoint, framework="pt") as tensors:
                return list(tensors.keys())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch finds odd about a file is said below, if it matters
            found = torch.load(checkpoint, map_location="meta", weights_only=True)
            found = found.get("state_dict", found) if isinstance(found, dict) else {}
            return [str(name).removeprefix("module.") for name in found]
    except pickle.UnpicklingError as error:
        raise EncoderError(
            f"{checkpoint} was refused: it is damaged, or it holds more than tensors, which could run code when it is "
            f"loaded. Ask its maker for a .safetensors file. ({_first_lines(error)})"
        ) from error
    except Exception as error:  # a damaged file can make the reader fail in any way
        raise EncoderError(
            f"{checkpoint} is damaged or no checkpoint: {_first_lines(error)}. Fetch or save it again."
        ) from error


def _first_lines(error: Exception, *, at_most: int = 400) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= at_most else f"{text[:at_most]} …"
