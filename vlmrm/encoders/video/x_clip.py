"""`XClipEncoder`: the X-CLIP of Hugging Face as an encoder that sees clips.

The mean of frame embeddings does not know in which order its frames came. A video encoder does: X-CLIP (Ni et al. 2022,
"Expanding Language-Image Pretrained Models for General Video Recognition", arXiv 2208.02816) lets the frames of a clip
exchange messages in every layer of its vision tower, and ends in a small transformer over time.

| name | what it is |
|---|---|
| ``hf-video:microsoft/xclip-base-patch32`` | an X-CLIP of the Hugging Face hub; downloaded once |
| ``hf-video:local-dir:FOLDER`` | the same from a folder that ``save_pretrained`` wrote |

`vlmrm.rewards.over_time.clip` rewards steps by clips; everywhere else a video encoder sees a frame as a clip that
stands still.
"""

from functools import cached_property
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from vlmrm.encoders.encoder import EncoderDomain
from vlmrm.encoders.fingerprint import PROBE, Origin, fingerprint_of_model
from vlmrm.encoders.rows import require_sentences, unit_rows, warn_of_cut
from vlmrm.encoders.runtime import Runtime, choose_runtime
from vlmrm.encoders.video.files import load_files, plain_config
from vlmrm.errors import EncoderError, FrameError
from vlmrm.frames import as_frames
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.types import Embeddings, Frames


class XClipEncoder:
    """An X-CLIP of transformers; `XClipEncoder.load` makes one from a name.

    In X-CLIP's own classifier a sentence's embedding is moved by the video it is compared with (its video-specific
    prompts). An encoder embeds frames and sentences apart from each other, so that sentences are embedded here without
    that, as ``get_text_features`` does it, and a cosine differs from that of the classifier.

    Args:
        model: An ``XCLIPModel`` with its weights; it is brought to the device and the precision of the runtime.
        tokenizer: The model's own.
        preprocessing: The model's own.
        name: How to load it again.
        runtime: Where it lies, in which precision, and how many frames it takes at a time.
        origin: What the model was built from, for its fingerprint; None: the model, as the runtime has it.

    Raises:
        EncoderError: Preprocessing makes pictures of another size than the model takes.

    Example:
        >>> encoder = XClipEncoder.load("hf-video:microsoft/xclip-base-patch32")  # doctest: +SKIP
        >>> encoder.embed_clips(torch.zeros(2, 8, 224, 224, 3, dtype=torch.uint8)).shape  # doctest: +SKIP
        torch.Size([2, 512])
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
        self.logit_bias = 0.0
        """X-CLIP has none."""
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
        self.clip_frames = int(vision.num_frames)
        """Frames of a clip."""
        self.context_length = int(model.config.text_config.max_position_embeddings)
        """Tokens a sentence may have, with the start and end tokens."""
        self.dim = int(model.config.projection_dim)
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
    ) -> "XClipEncoder":
        """From files on the hub or in a folder.

        Args:
            name: See `vlmrm.encoders.video.x_clip`.
            device: ``cpu``, ``cuda`` …; None: CUDA if there is one, else the CPU.
            precision: ``fp32``, ``bf16`` or ``fp16``; None: what suits the device.
            resize_mode: ``shortest``, ``longest`` or ``squash``; None: as the model was trained.
            batch_size: Frames at a time, in whole clips; None: what suits the device.

        Raises:
            UnknownModel: The hub has no such model.
            OfflineError: It would have to be downloaded, and that is not possible.
            MissingExtra: transformers is not installed.
            EncoderError: The files are missing or damaged, or they are of another model.
        """
        runtime = choose_runtime(device, precision, batch_size=batch_size)
        it = load_files(name, resize_mode)
        return cls(it.model, it.tokenizer, preprocessing=it.preprocessing, name=name, runtime=runtime, origin=it.origin)

    @cached_property
    def fingerprint(self) -> str:
        """Short hash of the weights as they were loaded, of architecture, tokenizer and preprocessing."""
        tokens = self.tokenizer([PROBE])["input_ids"]
        return fingerprint_of_model(self.origin, self.model, tokens=tokens, preprocessing=self.preprocessing)

    def embed_frames(self, frames: Frames) -> Embeddings:
        """Unit-length embeddings of frames, each as a clip that stands still; costs as much as embedding as many clips.

        Raises:
            FrameError: The frames are not uint8 RGB.
        """
        batches = torch.split(as_frames(frames), self.runtime.batch_size)
        small = torch.cat([self.preprocessing.resize(batch) for batch in batches])
        return self.embed_clips(small[:, None].expand(-1, self.clip_frames, -1, -1, -1))

    def embed_clips(self, clips: UInt8[Tensor, "n t h w 3"]) -> Embeddings:
        """Unit-length embeddings of any number of clips, the oldest frame first.

        Raises:
            FrameError: There is no clip, the clips are not uint8 RGB, or they have another number of frames.
        """
        clips = torch.as_tensor(clips)
        if clips.ndim != 5 or clips.shape[1] != self.clip_frames:
            raise FrameError(f"{self.name!r} takes clips (n, {self.clip_frames}, h, w, 3); got {tuple(clips.shape)}.")
        at_once = max(self.runtime.batch_size // self.clip_frames, 1)
        return unit_rows([self._embed_batch(batch) for batch in torch.split(clips, at_once)])

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

    @torch.inference_mode()
    def _embed_batch(self, clips: UInt8[Tensor, "n t h w 3"]) -> Tensor:
        frames = self.preprocessing.resize(as_frames(clips.flatten(0, 1))).to(self.runtime.device)
        pixels = self.preprocessing.normalise(frames).to(self.runtime.dtype)
        return _pooled(
            self.model.get_video_features(pixel_values=pixels.reshape(-1, self.clip_frames, *pixels.shape[1:]))
        )

    @torch.inference_mode()
    def _embed_sentences(self, texts: list[str]) -> Tensor:
        tokens = self.tokenizer(
            texts, padding="max_length", truncation=True, max_length=self.context_length, return_tensors="pt"
        )
        ids, mask = (tokens[key].to(self.runtime.device) for key in ("input_ids", "attention_mask"))
        return _pooled(self.model.get_text_features(input_ids=ids, attention_mask=mask))


def _pooled(features: Any) -> Tensor:
    """Version 4 of transformers returns the rows themselves, 5 a record with them."""
    rows: Tensor = getattr(features, "pooler_output", features).float().cpu()
    return rows
