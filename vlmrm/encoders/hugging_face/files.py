"""From the name of an encoder to its model, tokenizer and preprocessing, read from Hugging Face's files.

The processor's settings are read as plain values, and frames never go through transformers' own processor: it works on
lists of single frames, and needs a torchvision that matches torch.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from vlmrm.encoders.fingerprint import Origin, WeightsFile
from vlmrm.encoders.hub import cached_file, hub_folder
from vlmrm.encoders.open_clip.torchvision_mend import import_open_clip
from vlmrm.errors import EncoderError, MissingExtra
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.plain_files import read_json

_KINDS = {"clip": "hf-image:", "siglip": "hf-image:", "xclip": "hf-video:"}
_CLASSES = {"clip": "CLIPModel", "siglip": "SiglipModel", "xclip": "XCLIPModel"}
_LOCAL = "local-dir:"
_CONFIG = "config.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_SMALL_FILES = ("*.json", "*.txt")
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
_SAYS_NOTHING = ("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version")  # of the numbers
_SAFE = {"local_files_only": True, "trust_remote_code": False}
_ROUNDING = 1e-6
_INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}  # as PIL numbers them


@dataclass(frozen=True, kw_only=True, eq=False)
class EncoderFiles:
    """What an encoder is made of."""

    model: Any
    """Model of transformers, with its weights, on the CPU."""
    tokenizer: Any
    """Sentences to token ids."""
    preprocessing: Preprocessing
    """Resize and normalisation that the model's processor describes."""
    origin: Origin
    """The configuration and the weights file that the model was built from."""


def load_files(name: str, resize_mode: str | None = None) -> EncoderFiles:
    """Everything that a name stands for; downloads it first, where that is needed.

    Args:
        name: ``hf-image:OWNER/NAME`` or ``hf-image:local-dir:FOLDER``, and the same with ``hf-video:``.
        resize_mode: Overrides the model's own; None: as trained.

    Raises:
        UnknownModel: The hub has no such model.
        OfflineError: It would have to be downloaded, and that is not possible.
        MissingExtra: transformers, or what the tokenizer needs, is not installed.
        EncoderError: The files are missing or damaged, or they are of another model.
    """
    transformers = _transformers(name)
    place = name.partition(":")[2]
    folder = Path(place.removeprefix(_LOCAL)).expanduser() if place.startswith(_LOCAL) else _snapshot(place, name)
    config = _json(folder / _CONFIG)
    kind = _kind(config, name)
    weights = [folder / filename for filename in _WEIGHTS if (folder / filename).is_file()]
    if not weights:
        raise EncoderError(f"{folder} holds no weights. Looked for {', '.join(_WEIGHTS)}.")
    preprocessing = _preprocessing(folder, resize_mode)
    origin = Origin(architecture=plain_config(config), weights=WeightsFile.at(weights[0]))
    try:
        model_class = getattr(transformers, _CLASSES[kind])
        model, info = model_class.from_pretrained(folder, **_SAFE, output_loading_info=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **_SAFE)
    except ImportError as error:
        raise MissingExtra(f"{name!r} needs a package that transformers asks for: {_line(error)}") from error
    except Exception as error:  # a damaged file can make the reader fail in any way
        raise EncoderError(f"transformers cannot load {name!r}: {_line(error)}") from error
    if info["missing_keys"]:
        missing = sorted(info["missing_keys"])
        raise EncoderError(f"the weights of {name!r} miss {len(missing)} tensors of the model, e.g. {missing[0]}.")
    return EncoderFiles(model=model, tokenizer=tokenizer, preprocessing=preprocessing, origin=origin)


def _kind(config: dict[str, Any], name: str) -> str:
    """The type of a model, if it is one that the name's family loads."""
    prefix, kind = name.partition(":")[0] + ":", str(config.get("model_type"))
    if _KINDS.get(kind) != prefix:
        known = ", ".join(repr(other) for other, family in _KINDS.items() if family == prefix)
        advice = f" Load it as {_KINDS[kind]}{name.partition(':')[2]}." if kind in _KINDS else ""
        raise EncoderError(f"{name!r} is a model of type {kind!r}. {prefix} loads only those of type {known}.{advice}")
    return kind


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:400]


def plain_config(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration of transformers without what says nothing of the model's numbers.

    Args:
        config: As in ``config.json``.

    Example:
        >>> plain_config({"hidden_size": 8, "dtype": "float32", "text_config": {"transformers_version": "5.0"}})
        {'hidden_size': 8, 'text_config': {}}
    """
    said = {name: value for name, value in config.items() if name not in _SAYS_NOTHING}
    return {name: plain_config(value) if isinstance(value, dict) else value for name, value in said.items()}


def _transformers(name: str) -> Any:
    """The package, which imports torchvision with its models."""
    try:
        transformers = import_module("transformers")
    except ModuleNotFoundError as error:
        if error.name != "transformers":
            raise
        raise MissingExtra(f'{name!r} needs transformers: pip install "vlmrm[transformers]"') from error
    import_open_clip()  # mends a torchvision that does not match torch
    return transformers


def _snapshot(repository: str, name: str) -> Path:
    """The folder of a repository in the hub's cache, complete."""
    config, weights = cached_file(repository, [_CONFIG]), cached_file(repository, _WEIGHTS)
    if config is not None and weights is not None:
        return config.parent
    folder = hub_folder(repository, [*_SMALL_FILES, _WEIGHTS[0]], wanted_for=name)
    if not (folder / _WEIGHTS[0]).exists():
        hub_folder(repository, [_WEIGHTS[1]], wanted_for=name)
    return folder


def _preprocessing(folder: Path, resize_mode: str | None) -> Preprocessing:
    """From the settings of the processor: alone in a file, or beside those of the tokenizer."""
    found = [folder / filename for filename in _PROCESSORS if (folder / filename).is_file()]
    if not found:
        raise EncoderError(f"{folder} does not say how frames are prepared. Looked for {', '.join(_PROCESSORS)}.")
    values = _json(found[0])
    values = values.get("image_processor", values)
    try:
        mean, std = ([float(value) for value in values[key]] for key in ("image_mean", "image_std"))
        resample = values["resample"]
        size = _sides(values["size"])
        crop = _sides(values["crop_size"]) if values.get("do_center_crop", "crop_size" in values) else size
    except (KeyError, TypeError) as error:
        raise EncoderError(f"{found[0]} lacks a setting that frames are prepared with: {error}.") from error
    left_out = [key for key in ("do_resize", "do_rescale", "do_normalize") if values.get(key, True) is False]
    if left_out or abs(255 * values.get("rescale_factor", 1 / 255) - 1) > _ROUNDING:
        raise EncoderError(
            f"{found[0]} prepares frames in a way of its own: {', '.join(left_out) or 'rescale_factor'}. Only pictures "
            "in 0..1 that are resized and normalised are supported."
        )
    if len(size | crop) != 1:
        raise EncoderError(
            f"{found[0]} resizes to {values['size']} and crops another square out of that: {sorted(crop)}."
        )
    return Preprocessing(
        size_px=size.pop(),
        mean=mean,
        std=std,
        resize_mode=resize_mode or ("squash" if "height" in _named(values["size"]) else "shortest"),
        interpolation=_INTERPOLATIONS.get(resample, f"of PIL's number {resample}"),
    )


def _named(size: dict[str, int] | int) -> dict[str, int]:
    """Older processors have the shorter side alone."""
    return {"shortest_edge": size} if isinstance(size, int) else size


def _sides(size: dict[str, int] | int) -> set[int]:
    """One number for a square."""
    return {int(side) for key, side in _named(size).items() if key in ("height", "width", "shortest_edge")}


def _json(path: Path) -> dict[str, Any]:
    try:
        values = read_json(path)
    except FileNotFoundError as error:
        raise EncoderError(f"{path.parent} is no model folder: it has no {path.name}.") from error
    except (OSError, ValueError) as error:
        raise EncoderError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise EncoderError(f"{path} cannot be read: it holds no table.")
    return values
