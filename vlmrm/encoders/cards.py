"""The built-in models that the package ships, found by looking into their folder; no weights are loaded here.

Every folder ``builtin/NAME/`` holds ``open_clip_config.json`` and ``open_clip_model.safetensors`` in OpenCLIP's own
layout, ``card.json`` with what the model knows, and ``domain.safetensors`` with where it can be trusted.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from vlmrm.errors import EncoderError
from vlmrm.plain_files import read_json

BUILTIN_FOLDER = Path(__file__).parent / "builtin"
CONFIG_FILE = "open_clip_config.json"
WEIGHTS_FILE = "open_clip_model.safetensors"
CARD_FILE = "card.json"


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """One row of the table of models."""

    name: str
    """What `load_encoder` takes."""
    description: str
    """One sentence that says what the model is."""
    knows: tuple[str, ...]
    """The small world it was trained on; it says nothing about any other."""
    words: frozenset[str]
    """Every word of its training sentences, in lower case."""
    words_by_scene: Mapping[str, frozenset[str]]
    """The same by what the sentences are about; empty where that is unknown."""
    size_px: int
    """Side of the picture it sees."""
    dim: int
    """Length of an embedding."""
    parameters: int
    """Numbers in its weights."""
    works_offline: bool
    """Whether it comes with the package."""

    @classmethod
    def load(cls, folder: Path) -> "ModelCard":
        """Read the card of one model folder.

        Args:
            folder: Its name is the model's name.

        Raises:
            EncoderError: A file is missing or damaged.
        """
        try:
            card = read_json(folder / CARD_FILE)
            model = read_json(folder / CONFIG_FILE)["model_cfg"]
            return cls(
                name=folder.name,
                description=card["description"],
                knows=tuple(card["knows"]),
                words=frozenset(word.lower() for word in card["words"]),
                words_by_scene={
                    scene: frozenset(word.lower() for word in words)
                    for scene, words in card.get("words_by_scene", {}).items()
                },
                size_px=model["vision_cfg"]["image_size"],
                dim=model["embed_dim"],
                parameters=count_parameters(folder / WEIGHTS_FILE),
                works_offline=True,
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            raise EncoderError(
                f"the model folder {folder} is incomplete or damaged ({type(error).__name__}: {error}). It needs "
                f"{CONFIG_FILE}, {WEIGHTS_FILE} and {CARD_FILE}; reinstall vlmrm if it is a built-in one."
            ) from error


def builtin_names() -> list[str]:
    """The names of all built-in models.

    Example:
        >>> "sim-s" in builtin_names()
        True
    """
    return sorted(path.parent.name for path in BUILTIN_FOLDER.glob(f"*/{CONFIG_FILE}"))


def builtin_folder(name: str) -> Path | None:
    """Where the files of a built-in model are; None: there is no such model."""
    return BUILTIN_FOLDER / name if name in builtin_names() else None


def count_parameters(weights: Path, prefix: str = "") -> int:
    """How many numbers a safetensors file holds under names that begin like this; only its header is read."""
    with safe_open(weights, framework="np") as tensors:
        names = [name for name in tensors.keys() if name.startswith(prefix)]  # noqa: SIM118  it is no mapping
        return sum(math.prod(_shape(tensors, name)) for name in names)


def _shape(tensors: Any, key: str) -> list[int]:
    shape: list[int] = tensors.get_slice(key).get_shape()
    return shape
