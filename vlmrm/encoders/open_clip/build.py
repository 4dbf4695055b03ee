"""From the source of a model to the model, its tokenizer and its preprocessing."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from vlmrm.encoders.fingerprint import Origin, WeightsFile
from vlmrm.encoders.hub import cached_file, require_hub
from vlmrm.encoders.open_clip.names import TRAINED_WITH, ModelSource
from vlmrm.encoders.open_clip.torchvision_mend import import_open_clip
from vlmrm.encoders.open_clip.weights import load_weights
from vlmrm.encoders.runtime import Runtime, choose_runtime
from vlmrm.errors import EncoderError, MissingExtra, OfflineError
from vlmrm.frames.preprocessing import Preprocessing

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def origin_of(source: ModelSource, runtime: Runtime) -> Origin:
    """Note what a model is built from.

    This comes before the weights are read, so that a file which changes in between is not taken for them.
    """
    architecture = import_open_clip().get_model_config(source.config)
    architecture["quick_gelu"] = bool(source.trained_with.get("quick_gelu", architecture.get("quick_gelu", False)))
    if source.checkpoint is not None:
        return Origin(architecture=architecture, weights=WeightsFile.at(source.checkpoint))
    rounded = runtime.precision != "fp32"
    rebuild = partial(build_model, source, choose_runtime("cpu", "fp32")) if rounded else None
    return Origin(architecture=architecture, rebuild=rebuild)


def build_model(source: ModelSource, runtime: Runtime) -> Any:
    """Build the architecture, with the weights where there are any. The global random state stays as it was."""
    open_clip = import_open_clip()
    extra = {key: source.trained_with[key] for key in TRAINED_WITH if key in source.trained_with}
    quick_gelu = extra.pop("quick_gelu", None)
    options: dict[str, Any] = {"force_preprocess_cfg": extra, "pretrained_text": False, "load_weights": False}
    if quick_gelu is not None:  # a tag may have been trained with another activation than its architecture's default
        options["quick_gelu"] = bool(quick_gelu)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(source.seed)
        try:
            model = open_clip.create_model(source.config, precision=runtime.precision, device=runtime.device, **options)
        except (RuntimeError, TypeError, ValueError, KeyError) as error:
            if "transformers" in str(error):
                raise _needs_transformers(source.name) from error
            raise EncoderError(f"open_clip cannot build {source.name!r}: {error}") from error
    if source.checkpoint is not None:
        load_weights(model, source.checkpoint)
    return model.eval().requires_grad_(False)


def tokenizer_of(source: ModelSource) -> Any:
    """Return the model's own tokenizer.

    Raises:
        OfflineError: If it would have to be downloaded, and that is not possible.
        MissingExtra: If it needs transformers.
    """
    open_clip = import_open_clip()
    needed = open_clip.get_model_config(source.config)["text_cfg"].get("hf_tokenizer_name")
    try:
        if not needed:
            return open_clip.get_tokenizer(source.config)
        if not _brings_a_tokenizer(source):
            _fetchable(needed, source.name)
        return open_clip.get_tokenizer(f"hf-hub:{source.hub}" if source.hub else source.config)
    except ImportError as error:
        raise _needs_transformers(source.name) from error
    except OSError as error:
        raise OfflineError(
            f"the tokenizer {needed!r} of {source.name!r} is neither here nor on the hub: {error}"
        ) from error


def _brings_a_tokenizer(source: ModelSource) -> bool:
    """Whether one lies in the model's folder, where open_clip looks for it."""
    folder = Path(source.config.removeprefix("local-dir:"))
    return any((folder / file).is_file() for file in _TOKENIZER_FILES)


def _fetchable(tokenizer: str, model: str) -> None:
    """Stop here, before transformers starts to ask a hub that does not answer."""
    if not Path(tokenizer).exists() and cached_file(tokenizer, _TOKENIZER_FILES) is None:
        require_hub(f"{model} (its tokenizer {tokenizer})")


def _needs_transformers(name: str) -> MissingExtra:
    return MissingExtra(
        f'{name!r} has a text tower or tokenizer of transformers: pip install "vlmrm[transformers]" sentencepiece'
    )


def preprocessing_of(values: dict[str, Any], resize_mode: str | None) -> Preprocessing:
    """Return the preprocessing that open_clip keeps on a vision tower."""
    size = values["size"]
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) != 1:
        raise EncoderError(f"only models of square pictures are supported; this one takes {size}.")
    own = Preprocessing(
        size_px=sides.pop(),
        mean=[float(value) for value in values["mean"]],
        std=[float(value) for value in values["std"]],
        resize_mode=values["resize_mode"],
        interpolation="bilinear" if values["interpolation"] == "bilinear" else "bicubic",  # "random" is for training
        fill_color=values["fill_color"],
    )
    return own if resize_mode is None else replace(own, resize_mode=resize_mode)


@contextmanager
def quiet_open_clip() -> Iterator[None]:
    """Keep open_clip off the root logger.

    It logs there by `logging.info`, which installs a handler that the program did not ask for, and it warns of random
    weights, which are either about to be replaced or were asked for.
    """
    root, silence = logging.getLogger(), logging.NullHandler()

    def from_elsewhere(record: logging.LogRecord) -> bool:
        return "open_clip" not in Path(record.pathname).parts

    root.addHandler(silence)
    root.addFilter(from_elsewhere)
    try:
        yield
    finally:
        root.removeFilter(from_elsewhere)
        root.removeHandler(silence)
