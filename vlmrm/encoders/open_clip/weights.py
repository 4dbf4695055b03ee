"""Reading weights without running code that is hidden in them."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from vlmrm.encoders.open_clip.torchvision_mend import import_open_clip
from vlmrm.errors import EncoderError


def load_weights(model: torch.nn.Module, checkpoint: Path) -> None:
    """Fill a model with the weights of a file, all of them.

    Args:
        model: Built by open_clip, on any device and of any floating type.
        checkpoint: ``.safetensors``, or a PyTorch file that holds nothing but tensors.

    Raises:
        EncoderError: The file is damaged, holds code, or belongs to another architecture.
    """
    _check(checkpoint)
    load_checkpoint: Any = import_open_clip().load_checkpoint
    try:
        load_checkpoint(model, str(checkpoint), strict=True, weights_only=True)
    except (RuntimeError, KeyError, AttributeError, IndexError, TypeError, StopIteration) as error:
        raise EncoderError(
            f"the weights in {checkpoint} do not fit the architecture they were asked for: {_first_lines(error)}"
        ) from error


def _check(checkpoint: Path) -> None:
    """Open the file the safe way first.

    open_clip falls back to an unrestricted `torch.load` when the restricted one raises TypeError, which a file can
    bring about. What passes here cannot raise it there.
    """
    try:
        if checkpoint.suffix == ".safetensors":
            with safe_open(checkpoint, framework="pt") as tensors:
                tensors.keys()
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what torch finds odd about a file is said below, if it matters
                torch.load(checkpoint, map_location="meta", weights_only=True)
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
