"""From the name of a model to the files and settings that make it.

| name | what it is |
|---|---|
| ``sim-s`` | a built-in model |
| ``ViT-B-32/openai`` | an OpenCLIP architecture and one of its pretrained tags; downloaded once |
| ``ViT-B-32/openai:weights.pt`` | a checkpoint of yours, with the preprocessing and activation of a tag |
| ``ViT-L-16-SigLIP-256/w.safetensors`` | the same, where all tags agree; absolute: ``…//tmp/w.pt`` |
| ``local-dir:FOLDER`` | a folder with ``open_clip_config.json`` and weights |
| ``hf-hub:OWNER/NAME`` | the same from the Hugging Face hub; downloaded once |
| ``hf-image:OWNER/NAME`` | a CLIP or SigLIP in Hugging Face's form; see `vlmrm.encoders.hugging_face.encoder` |
| ``hf-video:OWNER/NAME`` | a video encoder, by transformers; see `vlmrm.encoders.video.x_clip` |
| ``random:NAME``, ``random:NAME#7`` | an untrained model of the same architecture as a control; seed 7, else 0 |

In the last line NAME is a built-in model, an OpenCLIP architecture, or ``local-dir:FOLDER``.

`vlmrm.encoders.load_encoder` takes several of these as one ensemble, too: ``sim-s + sim-m``, or with weights
``0.25*sim-s + 0.75*sim-m``; see `vlmrm.encoders.ensemble`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vlmrm.encoders.cards import CONFIG_FILE, builtin_folder, builtin_names
from vlmrm.encoders.hub import WEIGHT_FILES, hub_file
from vlmrm.encoders.open_clip.torchvision_mend import import_open_clip
from vlmrm.encoders.open_clip.weights import check_weights
from vlmrm.errors import EncoderError, UnknownModel, near_matches
from vlmrm.plain_files import read_json

_RANDOM, _LOCAL, _HUB = "random:", "local-dir:", "hf-hub:"
TRAINED_WITH = ("mean", "std", "interpolation", "resize_mode", "quick_gelu")
"""What a tag says beyond the architecture."""
_CHECKPOINT_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """Everything that is needed to build one model."""

    name: str
    """Name that the model was asked for by."""
    config: str
    """What open_clip builds the architecture from: one of its own names or ``local-dir:FOLDER``."""
    checkpoint: Path | None = None
    """The weights; None: random ones."""
    seed: int = 0
    """Random seed of weights that are not loaded."""
    hub: str | None = None
    """``owner/name``, where the tokenizer may have to come from there too."""
    trained_with: Mapping[str, Any] = field(default_factory=dict)
    """What the tag, or all tags of the architecture, say beyond the architecture; see `TRAINED_WITH`."""


def find_source(name: str) -> ModelSource:
    """What a name stands for; downloads what it stands for, where that is needed.

    Raises:
        UnknownModel: There is no such model or tag; the message names the nearest.
        EncoderError: A checkpoint or folder is missing.
        OfflineError: It would have to be downloaded, and that is not possible.
    """
    if name.startswith(_RANDOM):
        return _random(name)
    if name.startswith(_LOCAL):
        return _local(name, Path(name.removeprefix(_LOCAL)).expanduser())
    if name.startswith(_HUB):
        return _hub(name)
    folder = builtin_folder(name)
    if folder is not None:
        return _local(name, folder)
    architecture, _, weights = name.partition("/")
    _require_architecture(architecture, asked=name)
    if not weights:
        raise UnknownModel(_which_weights(architecture))
    return _pretrained(name, architecture, weights)


def untrained(name: str) -> str | None:
    """Return the name of a model of the same architecture with random weights; None: no such name is known.

    Example:
        >>> untrained("ViT-B-32/openai"), untrained("sim-s"), untrained("random:sim-s"), untrained("hf-hub:a/b")
        ('random:ViT-B-32', 'random:sim-s', 'random:sim-s#1', None)
    """
    if name.startswith(_RANDOM):
        model, _, seed = name.partition("#")
        return f"{model}#{int(seed or 0) + 1}" if seed.isdigit() or not seed else None
    if name.startswith(_LOCAL) or builtin_folder(name) is not None:
        return f"{_RANDOM}{name}"
    architecture, _, weights = name.partition("/")
    return f"{_RANDOM}{architecture}" if weights and ":" not in architecture and " + " not in name else None


def _random(name: str) -> ModelSource:
    """The architecture of another name, without its weights."""
    model, seed = name.removeprefix(_RANDOM), 0
    numbered = re.fullmatch(r"(.+)#(\d+)", model)
    if numbered:
        model, seed = numbered[1], int(numbered[2])
    folder = builtin_folder(model)
    if model.startswith(_LOCAL):
        folder = Path(model.removeprefix(_LOCAL)).expanduser()
    if folder is not None:
        _require_config(folder)
        return ModelSource(name=name, config=f"{_LOCAL}{folder}", seed=seed)
    _require_architecture(model, asked=name)
    return ModelSource(name=name, config=model, seed=seed)


def _local(name: str, folder: Path) -> ModelSource:
    _require_config(folder)
    weights = [folder / file for file in WEIGHT_FILES if (folder / file).is_file()]
    if not weights:
        raise EncoderError(
            f"{folder} holds no weights. Looked for {', '.join(WEIGHT_FILES)}. For an untrained model of this "
            f"architecture ask for 'random:{_LOCAL}{folder}'."
        )
    return ModelSource(name=name, config=f"{_LOCAL}{folder}", checkpoint=weights[0])


def _hub(name: str) -> ModelSource:
    repository = name.removeprefix(_HUB)
    config = hub_file(repository, [CONFIG_FILE], wanted_for=name)
    checkpoint = hub_file(repository, WEIGHT_FILES, wanted_for=name)
    return ModelSource(name=name, config=f"{_LOCAL}{config.parent}", checkpoint=checkpoint, hub=repository)


def _pretrained(name: str, architecture: str, weights: str) -> ModelSource:
    """An architecture with one of its tags or with a checkpoint file."""
    open_clip = import_open_clip()
    tag = open_clip.get_pretrained_cfg(architecture, weights)
    if tag:
        repository, _, filename = tag["hf_hub"].rpartition("/")
        files = [filename] if filename else WEIGHT_FILES
        checkpoint = hub_file(repository, files, wanted_for=name)
        return ModelSource(name=name, config=architecture, checkpoint=checkpoint, trained_with=tag)
    said, colon, file = weights.partition(":")
    if colon and (tag := open_clip.get_pretrained_cfg(architecture, said)):
        path = _file(file, architecture)
        return ModelSource(name=name, config=architecture, checkpoint=path, trained_with=tag)
    if Path(weights).expanduser().is_file():
        path = _file(weights, architecture)
        return ModelSource(name=name, config=architecture, checkpoint=path, trained_with=_agreed(architecture, weights))
    if colon and said:
        raise UnknownModel(f"{architecture} has no pretrained tag {said!r}. {_which_weights(architecture, near=said)}")
    if "/" in weights or weights.endswith(_CHECKPOINT_SUFFIXES):
        _file(weights, architecture)
    raise UnknownModel(
        f"{architecture} has no pretrained tag {weights!r}. {_which_weights(architecture, near=weights)}"
    )


def _file(path: str, architecture: str) -> Path:
    """A checkpoint that is there, and in a form that open_clip reads."""
    found = Path(path).expanduser()
    if not found.is_file():
        raise EncoderError(
            f"no checkpoint at {found}. Write ARCHITECTURE/PATH, e.g. {architecture}/weights.safetensors."
        )
    check_weights(found)
    return found


def _agreed(architecture: str, path: str) -> Mapping[str, Any]:
    """What all tags of an architecture were trained with: a file does not say it. Empty: there are no tags."""
    open_clip = import_open_clip()
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    kinds: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
    for tag in tags:
        trained_with = open_clip.get_pretrained_cfg(architecture, tag)
        said = json.dumps([trained_with.get(key) for key in TRAINED_WITH])
        kinds.setdefault(said, (trained_with, []))[1].append(tag)
    if len(kinds) > 1:
        groups = "; ".join(", ".join(group[:4]) + (" …" if len(group) > 4 else "") for _, group in kinds.values())
        quick = f"{architecture}-quickgelu"
        also = f" {quick}/{path} has OpenAI's activation." if quick in open_clip.list_models() else ""
        raise EncoderError(
            f"{path} does not say how its frames are prepared or which activation it was trained with, and the tags of "
            f"{architecture} differ: {groups}. Say like which of them: {architecture}/TAG:{path}, e.g. "
            f"{architecture}/{tags[0]}:{path}.{also} Or give a folder with its open_clip_config.json: local-dir:FOLDER."
        )
    return next(iter(kinds.values()))[0] if kinds else {}


def _require_config(folder: Path) -> None:
    config = folder / CONFIG_FILE
    try:
        values = read_json(config)
    except FileNotFoundError as error:
        theirs = (folder / "config.json").is_file()
        advice = f" It is in Hugging Face's form: load it as hf-image:{_LOCAL}{folder}." if theirs else ""
        raise EncoderError(f"{folder} is no model folder: it has no {CONFIG_FILE}.{advice}") from error
    except (OSError, ValueError) as error:
        raise EncoderError(f"{config} cannot be read: {error}") from error
    model = values.get("model_cfg") if isinstance(values, dict) else None
    if not isinstance(model, dict) or not {"embed_dim", "vision_cfg", "text_cfg"} <= set(model):
        raise EncoderError(
            f"{config} is no OpenCLIP configuration: it needs model_cfg with embed_dim, vision_cfg and text_cfg."
        )


def _require_architecture(architecture: str, *, asked: str) -> None:
    known = import_open_clip().list_models()
    if architecture not in known:
        near = near_matches(architecture, [*builtin_names(), *known])
        raise UnknownModel(
            f"no model {asked!r}. Near: {near}. `vlmrm models` lists the built-in ones; OpenCLIP's are written "
            "ARCHITECTURE/TAG, e.g. ViT-B-32/openai"
            + (", and several as one with spaces, like 'sim-s + sim-m'." if "+" in asked else ".")
        )


def _which_weights(architecture: str, *, near: str | None = None) -> str:
    tags = import_open_clip().list_pretrained_tags_by_model(architecture)
    named = near_matches(near, tags) if near else ", ".join(tags) or "(none)"
    return (
        f"Say which weights: {architecture}/TAG, where {'the nearest tags are' if near else 'TAG is one of'} {named}; "
        f"{architecture}/TAG:PATH for a checkpoint of yours; or random:{architecture} for an untrained one."
    )
