"""`tune_prompts`: an encoder with learned words and a learned frame around pictures, fitted to labelled pairs.

The trained baseline of retrieval: words as in CoOp (arXiv 2109.01134), a frame as in visual prompting (arXiv
2203.17274), and InfoNCE over the pairs. Unlike test-time adaptation it needs labels, of pictures like those to come.
"""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.learned_words import add_context
from vlmrm.errors import FrameError, SpecError
from vlmrm.frames.batch import as_frames
from vlmrm.types import Frames, Pixels


class PromptedEncoder(DifferentiableEncoder):
    """An encoder whose sentences begin with learned words and whose pictures have a learned frame; no weight changes.

    Args:
        encoder: A model of OpenCLIP, which stays as it is.
        words: Number of learned words.
        border: Width of the frame, as a share of the picture's side.

    Raises:
        EncoderError: The encoder is no model of OpenCLIP.
        SpecError: The frame has no width, or is as wide as the picture.
    """

    def __init__(self, encoder: Encoder, *, words: int = 4, border: float = 0.1) -> None:
        if not 0 < border < 0.5:
            raise SpecError(f"the frame takes a share of the side between 0 and 0.5; got border={border}.")
        self._frame: Tensor | None = None  # the encoder measures itself first
        super().__init__(encoder, copied=())
        side, width = self.size_px, max(1, round(border * self.size_px))
        inside = torch.zeros(side, side, dtype=torch.bool)
        inside[width:-width, width:-width] = True
        self._outside = (~inside).to(self.runtime.device)
        self._frame = nn.Parameter(torch.zeros(3, side, side, device=self.runtime.device))
        self.parameters = [add_context(self, count=words).change, self._frame]
        """What is learned: vectors of words, and pixels."""

    @property
    def fingerprint(self) -> str:
        """Of the encoder, and of what was learned."""
        digest = hashlib.sha256(super().fingerprint.encode())
        for parameter in self.parameters:
            digest.update(parameter.detach().cpu().numpy().tobytes())
        return digest.hexdigest()[:16]

    def _encode_pixels(self, pixels: Pixels) -> Tensor:
        if self._frame is not None:
            pixels = pixels.to(self.runtime.device) + self._frame * self._outside
        return super()._encode_pixels(pixels)


def tune_prompts(
    encoder: Encoder,
    pictures: Frames,
    texts: Sequence[str],
    *,
    steps: int = 100,
    learning_rate: float = 0.02,
    border: float = 0.1,
) -> PromptedEncoder:
    """Learn words and a frame by which each picture finds its text among the others, and the other way.

    Args:
        encoder: A model of OpenCLIP, which stays as it is.
        pictures: RGB frames, at least 2.
        texts: The text of each.
        steps: Updates of AdamW; each sees all pairs.
        learning_rate: Its learning rate.
        border: Width of the frame, as a share of the picture's side.

    Raises:
        FrameError: There is not one text for each of at least 2 pictures.

    Example:
        >>> from vlmrm.encoders import load_encoder
        >>> black_and_white = torch.arange(2, dtype=torch.uint8).mul(255).view(2, 1, 1, 1).expand(2, 64, 64, 3)
        >>> texts = ["a black box", "a white box"]
        >>> tuned = tune_prompts(load_encoder("random:sim-xs"), black_and_white, texts, steps=2)
        >>> tuned.embed_texts(["a black box"]).shape
        torch.Size([1, 128])
    """
    frames = as_frames(pictures)
    if len(frames) != len(texts) or len(frames) < 2:
        raise FrameError(
            f"prompts are learned of at least 2 pictures with one text each; got {len(frames)}, {len(texts)}."
        )
    with torch.inference_mode(False), torch.enable_grad():
        tuned = PromptedEncoder(encoder, border=border)
        tuned.model.eval()
        pixels = tuned.preprocessing.normalise(tuned.preprocessing.resize(frames.clone()))
        right = torch.arange(len(frames))
        optimiser = torch.optim.AdamW(tuned.parameters, lr=learning_rate, weight_decay=0.0)
        for _ in range(steps):
            logits = tuned.logit_scale * tuned.embed_pixels(pixels) @ tuned.embed_texts(list(texts)).T
            loss = (cross_entropy(logits, right) + cross_entropy(logits.T, right)) / 2
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
    for parameter in tuned.parameters:
        parameter.requires_grad_(False)
    return tuned
