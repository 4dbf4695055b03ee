"""From a spec to its head: the sentences embedded, the model's own constants filled in."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import EncoderError, PromptError, SpecError
from vlmrm.rewards.negatives import ContrastHead, SigmoidHead, SoftmaxHead
from vlmrm.rewards.options import HeadOptions
from vlmrm.rewards.projection import ProjectionHead, unit_mean
from vlmrm.rewards.spec import RewardSpec
from vlmrm.types import Embeddings, Rewards


@runtime_checkable
class Head(Protocol):
    """Turns the embeddings of frames into rewards."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """One reward per embedding."""


def build_head(encoder: Encoder, spec: RewardSpec) -> Head:
    """The head of a spec.

    Args:
        encoder: Embeds the sentences, once.
        spec: Whose head, options and prompts count.

    Raises:
        PromptError: The sentences make no reward, e.g. goal and baseline have the same embedding.
        SpecError: An option is missing that the encoder has no value of its own for.
        EncoderError: The encoder returned NaN or infinity.
    """
    return _MAKE[spec.head](encoder, spec, spec.head_options())


def finite(encoder: Encoder, embeddings: Embeddings) -> Embeddings:
    """The embeddings, which a NaN among them would turn into a NaN reward, and some thousand steps later a NaN policy.

    Args:
        encoder: Whose they are.
        embeddings: To be looked at.

    Raises:
        EncoderError: There is NaN or infinity among them.
    """
    if not bool(embeddings.isfinite().all()):
        bad = int((~embeddings.isfinite().all(dim=1)).sum())
        raise EncoderError(
            f"encoder {encoder.name!r} gave NaN or infinity for {bad} of {len(embeddings)} inputs. "
            'Try precision="fp32", and check the weights.'
        )
    return embeddings


def _embed(encoder: Encoder, sentences: tuple[str, ...]) -> Embeddings:
    return finite(encoder, encoder.embed_texts(list(sentences)))


def _projection(encoder: Encoder, spec: RewardSpec, _: HeadOptions) -> ProjectionHead:
    goal = unit_mean(_embed(encoder, spec.prompts.goal))
    baseline = unit_mean(_embed(encoder, spec.prompts.baseline)) if spec.prompts.baseline else None
    head = ProjectionHead(goal, baseline, spec.alpha)
    head(goal[None])  # fails here, not in the first step, where the prompts span no line
    return head


def _softmax(encoder: Encoder, spec: RewardSpec, options: Any) -> SoftmaxHead:
    return SoftmaxHead(
        unit_mean(_embed(encoder, spec.prompts.goal)),
        _embed(encoder, spec.prompts.negatives),
        1 / encoder.logit_scale if options.temperature is None else float(options.temperature),
        options.threshold,
    )


def _contrast(encoder: Encoder, spec: RewardSpec, _: HeadOptions) -> ContrastHead:
    goal, negative = (unit_mean(_embed(encoder, which)) for which in (spec.prompts.goal, spec.prompts.negatives))
    if bool((goal - negative).norm() < 1e-3):
        raise PromptError("goal and negatives have the same embedding, so that every picture would get 0.")
    return ContrastHead(goal, negative)


def _sigmoid(encoder: Encoder, spec: RewardSpec, options: Any) -> SigmoidHead:
    if options.bias is None and encoder.logit_bias == 0:
        raise SpecError(
            f"encoder {encoder.name!r} was not trained with a sigmoid and has no logit bias, without which nearly "
            "every picture gets 1. Take one of the SigLIP family, give a bias (in units of the scaled cosine), or use "
            "the head softmax."
        )
    return SigmoidHead(
        unit_mean(_embed(encoder, spec.prompts.goal)),
        encoder.logit_scale if options.scale is None else float(options.scale),
        encoder.logit_bias if options.bias is None else float(options.bias),
        options.threshold,
    )


_MAKE: Mapping[str, Callable[[Encoder, RewardSpec, Any], Head]] = {
    "projection": _projection,
    "softmax": _softmax,
    "contrast": _contrast,
    "sigmoid": _sigmoid,
}
