"""`OpenClipEncoder`: any model of OpenCLIP as an encoder, with its own tokenizer, picture size and normalisation."""

from functools import cached_property
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from vlmrm.encoders.cards import builtin_folder
from vlmrm.encoders.domain import Domain
from vlmrm.encoders.encoder import EncoderDomain
from vlmrm.encoders.fingerprint import PROBE, Origin, fingerprint_of_model
from vlmrm.encoders.open_clip.build import build_model, origin_of, preprocessing_of, quiet_open_clip, tokenizer_of
from vlmrm.encoders.open_clip.names import find_source
from vlmrm.encoders.rows import require_sentences, unit_rows, warn_of_cut
from vlmrm.encoders.runtime import Runtime, choose_runtime
from vlmrm.frames import as_frames
from vlmrm.types import Embeddings, Frames

_MORE_ROOM = 8  # times as many tokens as fit, to count those that are cut off


class OpenClipEncoder:
    """A dual encoder built by open_clip; `OpenClipEncoder.load` makes one from a name.

    Args:
        model: A CLIP, CustomTextCLIP or CoCa of open_clip, with its weights, in evaluation mode.
        tokenizer: The model's own.
        name: How to load it again.
        runtime: Where it lies, in which precision, and how many frames it takes at a time.
        resize_mode: Overrides the model's own; None: as trained.
        origin: What the model was built from, for its fingerprint; None: the weights are read from the model itself.

    Example:
        >>> encoder = OpenClipEncoder.load("random:sim-s")
        >>> encoder.embed_texts(["a pole", "a cart"]).shape
        torch.Size([2, 128])
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        runtime: Runtime,
        resize_mode: str | None = None,
        origin: Origin | None = None,
    ) -> None:
        self.origin = origin or Origin(architecture={"layers": str(model)})
        """What the model was built from."""
        self.name = name
        """How to load it again."""
        self.model = model
        """The open_clip model, for what needs gradients or inner layers."""
        self.tokenizer = tokenizer
        """Sentences to token ids (k, context_length)."""
        self.runtime = runtime
        """Device, precision and batch size."""
        self.preprocessing = preprocessing_of(model.visual.preprocess_cfg, resize_mode)
        """The model's own resize and normalisation."""
        self.size_px = self.preprocessing.size_px
        """Side of the square picture the vision tower sees."""
        self.context_length = int(tokenizer.context_length)
        """Tokens a sentence may have, with the start and end tokens."""
        self.logit_scale = float(model.logit_scale.detach().float().exp())
        """Factor on cosines in the model's own loss."""
        self.logit_bias = 0.0 if model.logit_bias is None else float(model.logit_bias.detach())
        """Added to the scaled cosine; 0 where the model has none."""
        self.dim = int(self.embed_texts(["a"]).shape[1])
        """Length of an embedding."""
        self.domain: EncoderDomain | None = None
        """What the model knows; `load` fills it in for the built-in ones."""

    @classmethod
    def load(
        cls,
        name: str,
        *,
        device: str | None = None,
        precision: str | None = None,
        resize_mode: str | None = None,
        batch_size: int | None = None,
    ) -> "OpenClipEncoder":
        """Build a model and fill in its weights.

        Args:
            name: See `vlmrm.encoders.open_clip.names`.
            device: ``cpu``, ``cuda`` …; None: CUDA if there is one, else the CPU.
            precision: ``fp32``, ``bf16`` or ``fp16``; None: what suits the device.
            resize_mode: ``shortest``, ``longest`` or ``squash``; None: as the model was trained.
            batch_size: Frames at a time; None: what suits the device.

        Raises:
            UnknownModel: There is no such model or tag.
            OfflineError: It would have to be downloaded, and that is not possible.
            EncoderError: The weights are missing, damaged, unsafe or of another architecture, or the device is.
            MissingExtra: Its tokenizer or text tower needs transformers.
        """
        runtime = choose_runtime(device, precision, batch_size=batch_size)
        source = find_source(name)
        origin = origin_of(source, runtime)
        with quiet_open_clip():
            model, tokenizer = build_model(source, runtime), tokenizer_of(source)
        made = cls(model, tokenizer, name=name, runtime=runtime, resize_mode=resize_mode, origin=origin)
        folder = builtin_folder(name)
        made.domain = None if folder is None else Domain.load(folder)
        return made

    @cached_property
    def fingerprint(self) -> str:
        """Short hash of the weights as they were loaded, of architecture, tokenizer and preprocessing.

        Of a model that was loaded from a file and is trained in place afterwards, it tells what it was before.
        """
        tokens = self.tokenizer([PROBE]).tolist()
        return fingerprint_of_model(self.origin, self.model, tokens=tokens, preprocessing=self.preprocessing)

    def embed_frames(self, frames: Frames) -> Embeddings:
        """Unit-length embeddings of any number of frames of one size.

        Args:
            frames: RGB; any height and width.

        Returns:
            float32 on the CPU, one row per frame.

        Raises:
            FrameError: The frames are not uint8 RGB.
        """
        batches = self._batches(as_frames(frames))
        return self._unit([self._embed_batch(batch) for batch in batches])

    def embed_texts(self, texts: list[str]) -> Embeddings:
        """Unit-length embeddings of sentences; logs a warning for each that is too long for the model.

        Returns:
            float32 on the CPU, one row per sentence.

        Raises:
            PromptError: There is no sentence.
        """
        require_sentences(texts)
        batches = self._batches(self._tokens(texts))
        with torch.inference_mode():
            rows = [self.model.encode_text(tokens.to(self.runtime.device)).float().cpu() for tokens in batches]
        return self._unit(rows)

    @torch.inference_mode()
    def _embed_batch(self, frames: Frames) -> Tensor:
        small = self.preprocessing.resize(frames).to(self.runtime.device)  # a quarter of the bytes of float pixels
        pixels = self.preprocessing.normalise(small).to(self.runtime.dtype)
        rows: Tensor = self.model.encode_image(pixels).float().cpu()
        return rows

    def _tokens(self, texts: list[str]) -> Int[Tensor, "k context"]:
        tokens: Tensor = self.tokenizer(texts)
        context = tokens.shape[1]
        warn_of_cut(self.name, texts, self._counts(texts, context), context)
        return tokens

    def _counts(self, texts: list[str], context: int) -> list[int]:
        """How many tokens each sentence has, counted with room for the longest."""
        counts = [_used(row) for row in self.tokenizer(texts, context_length=context * _MORE_ROOM)]
        return counts if max(counts) < context * _MORE_ROOM - 1 else self._counts(texts, context * _MORE_ROOM)

    def _batches(self, rows: Tensor) -> list[Tensor]:
        size = self.runtime.batch_size
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    _unit = staticmethod(unit_rows)


def _used(tokens: Int[Tensor, " context"]) -> int:
    """How many tokens are there before the padding, which repeats the last one."""
    apart = (tokens != tokens[-1]).nonzero()
    return int(apart.max()) + 1 if len(apart) else len(tokens)
