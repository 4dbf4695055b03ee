"""CoCoOp: learned words that depend on the picture (arXiv 2203.05557), and begin as the prompts themselves.

As in CoOp (`vlmrm.encoders.towers.learned_words`), but a small net h adds to the learned vectors what the embedding x
of the frame says:

    t(x) = [w_1 + v_1 + h(x), ..., w_M + v_M + h(x), w_(M+1), ...],     h(x) = B relu(A x + a) + b,     v, B and b at 0

Every frame has goal and baseline of its own, so that the text tower runs for each. What is learned are some thousand
numbers, which a spec keeps.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.nn.functional import normalize

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.fingerprint import require_same_weights
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.learned_words import LearnedContext, add_context
from vlmrm.errors import SpecError
from vlmrm.prompts import PromptSet
from vlmrm.rewards.heads.projection import closeness
from vlmrm.rewards.protocols import Head, HeadOptions
from vlmrm.types import Embeddings, Rewards

_NARROWER = 16  # times, in the middle of the net; as the paper
_SAME_DIRECTION = 1e-6  # squared distance


@dataclass(frozen=True, kw_only=True)
class CoCoOpOptions(HeadOptions):
    """Options of the head ``cocoop``, as `vlmrm.fitting.tune` writes them; it projects, with the spec's `alpha`."""

    is_fitted: ClassVar[bool] = True
    score_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    pairs: ClassVar[str | None] = "each frame changes the words of its sentences, so that no text can be embedded once"
    learned: str
    """Learned numbers as safetensors, in base64."""
    fingerprint: str
    """Fingerprint of the encoder whose text tower reads the words."""

    def build(self, encoder: Encoder, prompts: PromptSet, alpha: float) -> "CoCoOpHead":
        """Return the projection on the learned words.

        Raises:
            SpecError: If what was learned is damaged, or of another encoder.
        """
        require_same_weights("head 'cocoop'", self.fingerprint, encoder.name, encoder.fingerprint)
        return CoCoOpHead(ConditionalPrompts.from_text(encoder, prompts, self.learned), alpha)


class MetaNet(nn.Module):
    """h: from the embedding of a frame to what is added to the learned vectors.

    Args:
        dim: Of an embedding.
        width: Of a vector of the text tower.
        generator: Draws A, on the CPU.
    """

    def __init__(self, dim: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        hidden = max(dim // _NARROWER, 1)
        start = (torch.rand(hidden, dim, generator=generator) * 2 - 1) * 3**0.5
        self.down = nn.Parameter(start)  # A x is then about 1 in size; where it is small a few steps end it below 0
        self.down_bias = nn.Parameter(torch.zeros(hidden))
        self.up = nn.Parameter(torch.zeros(width, hidden))
        self.up_bias = nn.Parameter(torch.zeros(width))

    def forward(self, embeddings: Embeddings) -> Float[Tensor, "n w"]:
        """One vector per frame."""
        hidden = (embeddings @ self.down.T + self.down_bias).relu()
        return hidden @ self.up.T + self.up_bias


class ConditionalPrompts:
    """Goal and baseline of each frame.

    Args:
        encoder: A model of OpenCLIP; it is copied.
        prompts: Goal and baseline sentences.
        count: How many vectors are learned.
        seed: Of the net.

    Raises:
        EncoderError: The encoder is not a model of OpenCLIP or has a text tower of another kind.
    """

    def __init__(self, encoder: Encoder, prompts: PromptSet, *, count: int, seed: int = 0) -> None:
        self._encoder = DifferentiableEncoder(encoder, copied=("text",))
        self._goals = len(prompts.goal)
        self._tokens = torch.cat([self._encoder.tokens_of(text) for text in [*prompts.goal, *prompts.baseline]])
        self._context: LearnedContext = add_context(self._encoder, count=count)
        width = self._context.change.shape[1]
        self._net = MetaNet(self._encoder.dim, width, torch.Generator().manual_seed(seed))

    @property
    def trained(self) -> list[nn.Parameter]:
        """What is learned."""
        return [self._context.change, *self._net.parameters()]

    def sentences(self, embeddings: Embeddings) -> Float[Tensor, "n k d"]:
        """Embeddings of goal and baseline sentences for each frame.

        Args:
            embeddings: Of the frames.
        """
        device, count = self._encoder.runtime.device, len(self._tokens)
        at_once = max(self._encoder.runtime.batch_size // count, 1)
        found = [torch.zeros(0, count, self._encoder.dim)]
        for part in torch.split(embeddings, at_once) if len(embeddings) else ():
            added = self._net(part).repeat_interleave(count, dim=0).to(device)
            with self._context.adding(added):
                rows = self._encoder.model.encode_text(self._tokens.repeat(len(part), 1).to(device))
            found.append(normalize(rows.float().cpu(), dim=1).reshape(len(part), count, self._encoder.dim))
        return torch.cat(found)

    def rewards(self, embeddings: Embeddings, *, alpha: float) -> Rewards:
        """Projection of each frame on its own goal and baseline.

        Args:
            embeddings: Of the frames.
            alpha: Share of the projection.
        """
        return self.project(embeddings, self.sentences(embeddings), alpha=alpha)

    def project(self, embeddings: Embeddings, said: Float[Tensor, "n k d"], *, alpha: float) -> Rewards:
        """Projection of each frame on goal and baseline sentences of its own.

        Args:
            embeddings: Of the frames.
            said: Of the sentences.
            alpha: Share of the projection.
        """
        goal = normalize(said[:, : self._goals].mean(dim=1), dim=1)
        if said.shape[1] == self._goals:
            return (embeddings * goal).sum(dim=1)
        line = goal - normalize(said[:, self._goals :].mean(dim=1), dim=1)
        offset = embeddings - goal
        along = (offset * line).sum(dim=1) / line.norm(dim=1).clamp(min=_SAME_DIRECTION**0.5)
        return closeness(offset, along, embeddings.new_tensor([alpha]))[0]

    def to_text(self) -> str:
        """What was learned: safetensors in base64."""
        tensors = {"context": self._context.change, **dict(self._net.named_parameters())}
        data = save_tensors({name: value.detach().cpu().contiguous() for name, value in tensors.items()})
        return base64.b64encode(data).decode("ascii")

    @classmethod
    def from_text(cls, encoder: Encoder, prompts: PromptSet, text: str) -> "ConditionalPrompts":
        """The inverse of `to_text`; runs no code that the text may hold.

        Raises:
            SpecError: The text is damaged, or of another encoder.
        """
        try:
            tensors = load_tensors(base64.b64decode(text, validate=True))
            if tensors["context"].ndim != 2 or not len(tensors["context"]):
                raise ValueError(f"context of shape {tuple(tensors['context'].shape)}")
            made = cls(encoder, prompts, count=len(tensors["context"]))
            with torch.no_grad():
                made._context.change.copy_(tensors.pop("context"))
            made._net.load_state_dict(tensors)
        except (binascii.Error, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise SpecError(f"what head 'cocoop' has learned cannot be read ({error}). Fit it again.") from error
        made._encoder.model.visual = nn.Identity()  # only sentences from here on
        return made


@dataclass(frozen=True, eq=False)
class CoCoOpHead(Head):
    """The projection on a goal and a baseline that every frame has of its own."""

    prompts: ConditionalPrompts
    """Goal and baseline with the learned words."""
    alpha: float
    """Share of the projection."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """Return one score per embedding."""
        if embeddings.requires_grad:
            return self.prompts.rewards(embeddings, alpha=self.alpha)
        with torch.no_grad():
            return self.prompts.rewards(embeddings, alpha=self.alpha)
