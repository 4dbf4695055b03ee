"""`DifferentiableEncoder`: a copy of an OpenCLIP encoder whose embeddings carry gradients."""

import copy
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.rows import require_sentences
from vlmrm.encoders.towers.inner import TOWERS, open_clip_encoder, require_towers, tower_of
from vlmrm.encoders.towers.low_rank import holding_weights
from vlmrm.errors import EncoderError
from vlmrm.types import Embeddings, Frames, Levels, Pixels


class DifferentiableEncoder(OpenClipEncoder):
    """A copy whose embeddings are float32 and carry gradients where a parameter of the copy asks for them.

    The copy has modules of its own, so that hooks, weight changes, flags and buffers never reach the original. Weights
    are copied only for the towers that ask for it; the others lie where the original's lie, and must not be written to.
    Learned words and low-rank changes write to no weight: they need no copied tower.

    Where there are more sentences than the text tower takes at once, its activations are not kept: they are computed
    once more in the backward pass, chunk by chunk, so that memory does not grow with the number of sentences.

    Name and fingerprint stay those of the encoder that was copied, also while the copy is trained.

    Args:
        encoder: An `OpenClipEncoder`, which stays as it is.
        copied: Towers with weights of their own, in float32. The others share those of the original, in its precision.
        on_device: Leave embeddings on the device of the model instead of moving them to the CPU.
        texts_at_once: Sentences in a chunk of the text tower. None: the batch size of the encoder.

    Raises:
        EncoderError: The encoder is not a model of OpenCLIP, or an argument is impossible.

    Example:
        >>> from vlmrm.encoders import load_encoder
        >>> copied = DifferentiableEncoder(load_encoder("sim-s"), copied=("image",))
        >>> _ = copied.model.visual.attnpool.requires_grad_(True)
        >>> copied.embed_frames(torch.zeros(1, 96, 96, 3, dtype=torch.uint8)).requires_grad
        True
        >>> copied.embed_texts(["a pole"]).requires_grad
        False
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        copied: Collection[str] = TOWERS,
        on_device: bool = False,
        texts_at_once: int | None = None,
    ) -> None:
        inner = open_clip_encoder(encoder)
        require_towers(copied)
        if texts_at_once is not None and texts_at_once < 1:
            raise EncoderError(f"texts_at_once must be at least 1; got {texts_at_once}.")
        self.copied = frozenset(copied)
        """Towers whose weights are this copy's own."""
        self._inner = inner
        self._known: dict[str, Int[Tensor, "1 context"]] = {}
        self._on_device = on_device
        self._texts_at_once = texts_at_once or inner.runtime.batch_size
        super().__init__(
            _copy(inner.model, self.copied),
            inner.tokenizer,
            name=inner.name,
            runtime=replace(inner.runtime, precision="fp32") if "image" in self.copied else inner.runtime,
            resize_mode=inner.preprocessing.resize_mode,
        )

    @property
    def fingerprint(self) -> str:
        """As of the encoder that was copied."""
        return self._inner.fingerprint

    def embed_texts(self, texts: list[str]) -> Embeddings:
        """Unit-length embeddings of sentences, with gradients.

        Returns:
            float32, one row per sentence.

        Raises:
            PromptError: There is no sentence.
        """
        require_sentences(texts)
        chunks = torch.split(torch.cat([self.tokens_of(text) for text in texts]), self._texts_at_once)
        if len(chunks) == 1 or not torch.is_grad_enabled():
            return self._unit([self._encode_texts(tokens) for tokens in chunks])
        random = self.model.training  # dropout
        return self._unit(
            [
                checkpoint(self._encode_texts, tokens, use_reentrant=False, preserve_rng_state=random)
                for tokens in chunks
            ]
        )

    def embed_pixels(self, pixels: Pixels) -> Embeddings:
        """Unit-length embeddings of pictures that have the size and normalisation of the model already.

        Gradients reach the pixels where they ask for them.

        Args:
            pixels: On any device.

        Returns:
            float32, one row per picture.
        """
        return self._unit([self._encode_pixels(batch) for batch in self._batches(pixels)])

    def embed_levels(self, levels: Levels) -> Embeddings:
        """What `embed_frames` gives of whole levels, with gradients that reach them.

        Args:
            levels: 0 to 255, of pictures of any one size; of those that the model would have to resize, the embeddings
                are a little off, since bytes that are resized are rounded and let no gradient pass.

        Returns:
            float32, one row per picture.
        """
        small = self.preprocessing.resize_levels(levels.to(self.runtime.device))
        return self.embed_pixels(self.preprocessing.normalise(small))

    def tokens_of(self, text: str) -> Int[Tensor, "1 context"]:
        """Token ids of one sentence, kept for the next step of training."""
        if text not in self._known:
            self._known[text] = self._tokens([text])
        return self._known[text]

    def _embed_batch(self, frames: Frames) -> Tensor:
        small = self.preprocessing.resize(frames).to(self.runtime.device)
        return self._encode_pixels(self.preprocessing.normalise(small))

    def _encode_pixels(self, pixels: Pixels) -> Tensor:
        with holding_weights():
            return self._out(self.model.encode_image(pixels.to(self.runtime.device, self.runtime.dtype)))

    def _encode_texts(self, tokens: Int[Tensor, "k context"]) -> Tensor:
        """One chunk; nothing may come from outside that is not there when the chunk is computed again."""
        with holding_weights(anew=True):
            return self._out(self.model.encode_text(tokens.to(self.runtime.device)))

    def _out(self, rows: Tensor) -> Tensor:
        return rows.float() if self._on_device else rows.float().cpu()


@torch.inference_mode(False)
@torch.no_grad()
def _copy(model: Any, copied: Collection[str]) -> Any:
    """All modules and buffers, and the weights of some towers; the others lie where they lay."""
    shared = {
        id(parameter): _elsewhere(parameter)
        for name, parameter in model.named_parameters()
        if tower_of(name) not in copied and parameter.numel() > 1  # single numbers, as logit_scale, are its own
    }
    twin = copy.deepcopy(model, shared)
    for path, module in twin.named_modules():
        for name, parameter in module.named_parameters(prefix=path, recurse=False):
            if tower_of(name) in copied:
                parameter.data = parameter.data.float()
        for key, buffer in module._buffers.items():
            if tower_of(f"{path}.{key}".lstrip(".")) in copied and buffer is not None and buffer.is_floating_point():
                module._buffers[key] = buffer.float()
    return twin


def _elsewhere(parameter: nn.Parameter) -> nn.Parameter:
    """The same numbers in the same place, with a flag and a gradient of its own."""
    data = parameter.detach()
    return nn.Parameter(data.clone() if data.is_inference() else data, requires_grad=False)
