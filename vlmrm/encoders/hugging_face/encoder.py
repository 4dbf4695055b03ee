"""`HuggingFaceEncoder`: a CLIP or SigLIP in Hugging Face's form as an encoder.

| name | what it is |
|---|---|
| ``hf-image:google/siglip2-base-patch16-224`` | a CLIP or SigLIP of the Hugging Face hub; downloaded once |
| ``hf-image:local-dir:FOLDER`` | the same from a folder that ``save_pretrained`` of model and processor wrote |

Frames are resized and normalised as the processor's settings say, and sentences are read by the model's own tokenizer.
"""

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from vlmrm.encoders.encoder import EncoderDomain
from vlmrm.encoders.fingerprint import PROBE, Origin, fingerprint_of_model
from vlmrm.encoders.hugging_face.files import load_files, plain_config
from vlmrm.encoders.rows import require_sentences, unit_rows, warn_of_cut
from vlmrm.encoders.runtime import Runtime, choose_runtime
from vlmrm.errors import EncoderError
from vlmrm.frames import as_frames
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.types import Embeddings, Frames


class HuggingFaceEncoder:
    """A model of transformers with two towers; `HuggingFaceEncoder.load` makes one from a name.

    Args:
        model: A ``CLIPModel`` or ``SiglipModel`` with its weights; it is brought to the device and the precision of the
            runtime.
        tokenizer: The model's own.
        preprocessing: The model's own.
        name: How to load it again.
        runtime: Where it lies, in which precision, and how many frames it takes at a time.
        origin: What the model was built from, for its fingerprint; None: the model itself is asked.

    Raises:
        EncoderError: Preprocessing makes pictures of another size than the model takes.

    Example:
        >>> encoder = HuggingFaceEncoder.load("hf-image:openai/clip-vit-base-patch32")  # doctest: +SKIP
        >>> encoder.embed_texts(["a pole"]).shape  # doctest: +SKIP
        torch.Size([1, 512])
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        preprocessing: Preprocessing,
        name: str,
        runtime: Runtime,
        origin: Origin | None = None,
    ) -> None:
        vision, side = model.config.vision_config, preprocessing.size_px
        if vision.image_size not in (side, [side, side], (side, side)):
            raise EncoderError(
                f"{name!r} takes pictures of {vision.image_size} pixels, but its processor makes {side}."
            )
        self.origin = origin or Origin(architecture=plain_config(model.config.to_dict()))
        """What the model was built from."""
        self.name = name
        """How to load it again."""
        self.logit_scale = float(model.logit_scale.detach().float().exp())  # before bf16 rounds it
        """Factor on cosines in the model's own loss."""
        bias = getattr(model, "logit_bias", None)
        self.logit_bias = 0.0 if bias is None else float(bias.detach())
        """Added to the scaled cosine; 0 where the model has none (all but SigLIP)."""
        self.domain: EncoderDomain | None = None
        """Nothing is known of what it knows."""
        self.model = model.to(runtime.device, runtime.dtype).eval().requires_grad_(False)
        """The model of transformers, for what needs gradients or inner layers."""
        self.tokenizer = tokenizer
        """Sentences to token ids."""
        self.runtime = runtime
        """Device, precision and batch size."""
        self.preprocessing = preprocessing
        """The model's own resize and normalisation."""
        self.size_px = side
        """Side of the square picture the vision tower sees."""
        self.context_length = int(model.config.text_config.max_position_embeddings)
        """Tokens a sentence may have, with the start and end tokens."""
        self.dim = int(self.embed_texts(["a"]).shape[1])
        """Length of an embedding."""

    @classmethod
    def load(
        cls,
        name: str,
        *,
        device: str | None = None,
        precision: str | None = None,
        resize_mode: str | None = None,
        batch_size: int | None = None,
    ) -> "HuggingFaceEncoder":
        """From files on the hub or in a folder; runs no code from them.

        Args:
            name: See `vlmrm.encoders.hugging_face.encoder`, and `vlmrm.encoders.video.x_clip` of a video encoder.
            device: ``cpu``, ``cuda`` …; None: CUDA if there is one, else the CPU.
            precision: ``fp32``, ``bf16`` or ``fp16``; None: what suits the device.
            resize_mode: ``shortest``, ``longest`` or ``squash``; None: as the model was trained.
            batch_size: Frames at a time, of clips in whole clips; None: what suits the device.

        Raises:
            UnknownModel: The hub has no such model.
            OfflineError: It would have to be downloaded, and that is not possible.
            MissingExtra: transformers, or what its tokenizer needs, is not installed.
            EncoderError: The files are missing or damaged, or they are of another model.
        """
        runtime = choose_runtime(device, precision, batch_size=batch_size)
        files = load_files(name, resize_mode)
        read: dict[str, Any] = {"preprocessing": files.preprocessing, "origin": files.origin}
        return cls(files.model, files.tokenizer, **read, name=name, runtime=runtime)

    @cached_property
    def fingerprint(self) -> str:
        """Short hash of the weights as they were loaded, of architecture, tokenizer and preprocessing."""
        tokens = self.tokenizer([PROBE])["input_ids"]
        return fingerprint_of_model(self.origin, self.model, tokens=tokens, preprocessing=self.preprocessing)

    def embed_frames(self, frames: Frames) -> Embeddings:
        """Unit-length embeddings of any number of frames of one size.

        Raises:
            FrameError: The frames are not uint8 RGB.
        """
        batches = torch.split(as_frames(frames), self.runtime.batch_size)
        return unit_rows([self._embed_batch(batch) for batch in batches])

    def embed_texts(self, texts: list[str]) -> Embeddings:
        """Unit-length embeddings of sentences; logs a warning for each that is too long for the model.

        Raises:
            PromptError: There is no sentence.
        """
        require_sentences(texts)
        ids = self.tokenizer(texts, verbose=False)["input_ids"]
        warn_of_cut(self.name, texts, map(len, ids), self.context_length)
        size = self.runtime.batch_size
        return unit_rows([self._embed_sentences(texts[i : i + size]) for i in range(0, len(texts), size)])

    def _pixels(self, frames: Frames) -> Tensor:
        """What the vision tower takes, on its device."""
        small = self.preprocessing.resize(frames).to(self.runtime.device)
        return self.preprocessing.normalise(small).to(self.runtime.dtype)

    @torch.inference_mode()
    def _embed_batch(self, frames: Frames) -> Tensor:
        return pooled(self.model.get_image_features(pixel_values=self._pixels(frames)))

    @torch.inference_mode()
    def _embed_sentences(self, texts: list[str]) -> Tensor:
        read = self.tokenizer(
            texts, padding="max_length", truncation=True, max_length=self.context_length, return_tensors="pt"
        )
        given = {key: read[key].to(self.runtime.device) for key in ("input_ids", "attention_mask") if key in read}
        return pooled(self.model.get_text_features(**given))  # SigLIP was trained without a mask, and has none


def pooled(features: Any) -> Tensor:
    """Return the rows in what a tower returns: version 4 of transformers returns them, 5 a record with them.

    Args:
        features: Of a batch of frames, clips or sentences.
    """
    rows: Tensor = getattr(features, "pooler_output", features).float().cpu()
    return rows
