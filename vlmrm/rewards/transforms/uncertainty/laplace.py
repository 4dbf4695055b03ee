"""How sure an encoder is of its last linear maps: a Laplace posterior from one look at some frames and sentences.

Baumann et al. 2026, "Post-hoc Probabilistic Vision-Language Models" (BayesVLM, arXiv 2412.06014). A tower ends in
``g = W phi``. With A the mean of ``phi phi^T``, B the mean Gauss-Newton curvature of the model's own loss in g, n
observations and a prior of precision lambda, the posterior of W is a matrix normal with the factors

    A' = sqrt(n) A + sqrt(lambda) I      B' = sqrt(n) B + sqrt(lambda) I

so that g is uncertain by ``v = (phi^T A'^-1 phi) diag(B'^-1)``: little for activations like those of the fitted frames,
much for others. A bias is taken for certain. That the prior is split between the factors is an approximation, and it
matters: with a few sentences the loss bends in a few dimensions only, and the exact ``n A (x) B + lambda I`` leaves all
others at their prior, whatever the frame. Two things are ours:

- No pairs of frames and sentences have to be named. Each frame is one observation of a softmax over the given sentences
  (or, for a model of the SigLIP family, of one sigmoid per sentence), and the Gauss-Newton curvature of either is the
  same whichever sentence is right: it is their curvature averaged over what the model itself believes.
- lambda is where the Laplace evidence is largest, ``lambda |W|² = sum n a b / (n a b + lambda)`` over the eigenvalues a
  of A and b of B. One side falls in lambda and the other rises, so there is one such value and bisection finds it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.towers.projections import LinearProjection
from vlmrm.errors import SpecError
from vlmrm.values import require_above_0

_ELEMENTS = 2**24  # numbers held at once while curvatures are summed, 128 MB
_HALVINGS = 100


@dataclass(frozen=True, eq=False)
class ProjectionPosterior:
    """The posterior of one tower's last linear map; a variance for every activation.

    Example:
        >>> posterior = ProjectionPosterior(torch.eye(2).double(), torch.tensor([0.5, 1.0]).double(), 1.0, 10)
        >>> posterior.variances(torch.tensor([[2.0, 0.0]]))
        tensor([[2., 4.]])
    """

    whitening: Float[Tensor, "a a"]
    """``|whitening phi|² = phi^T A'^-1 phi``. Doubles: A spans more than the 7 digits of a float."""
    spread: Float[Tensor, " d"]
    """The diagonal of B'^-1."""
    prior_precision: int | float
    """Precision of the prior, lambda."""
    count: int | float
    """Number of observations, n."""

    def variances(self, activations: Float[Tensor, "n a"]) -> Float[Tensor, "n d"]:
        """Variance of each dimension of the embedding, before it is brought to unit length."""
        white = activations.double() @ self.whitening.T
        return (white.square().sum(dim=1, keepdim=True) * self.spread).float()

    def to_tensors(self) -> dict[str, Tensor]:
        """For a safetensors file."""
        numbers = torch.tensor([self.prior_precision, self.count], dtype=torch.float64)
        return {"whitening": self.whitening.contiguous(), "spread": self.spread.contiguous(), "numbers": numbers}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "ProjectionPosterior":
        """What `to_tensors` gave.

        Raises:
            SpecError: A tensor is missing, damaged or of a wrong shape.
        """
        try:
            whitening, spread, numbers = (tensors[name].double() for name in ("whitening", "spread", "numbers"))
            (prior_precision, count), (rows, columns), (_,) = numbers.tolist(), whitening.shape, spread.shape
        except (KeyError, ValueError) as error:
            raise SpecError(f"these tensors are no stored posterior ({error}). Fit it again.") from error
        if rows != columns or not all(bool(tensor.isfinite().all()) for tensor in (whitening, spread, numbers)):
            raise SpecError("the stored posterior is damaged: not square, or NaN or infinity in it. Fit it again.")
        return cls(whitening, spread, prior_precision, count)


@dataclass(frozen=True, eq=False)
class Posteriors:
    """The posteriors of both towers."""

    frames: ProjectionPosterior
    """Posterior of the vision tower's last map."""
    texts: ProjectionPosterior
    """Posterior of the text tower's last map."""


@dataclass(frozen=True, eq=False)
class TowerSample:
    """What a tower's last linear map was given, and the map; see `vlmrm.encoders.towers.projections`.

    Raises:
        SpecError: There is no activation, one is NaN or infinite, or they do not fit the map.
    """

    activations: Float[Tensor, "n a"]
    """One row per frame or sentence."""
    projection: LinearProjection
    """Takes them to embeddings of any length."""

    def __post_init__(self) -> None:
        """Refuse what no posterior can be fitted to."""
        given, taken = self.activations.shape[1], self.projection.weight.shape[1]
        if len(self.activations) == 0:
            raise SpecError("a posterior needs frames and sentences; one of them has no row.")
        if given != taken:
            raise SpecError(f"these activations are {given} long and the projection takes {taken}: another tower's?")
        if not bool(self.activations.isfinite().all()):
            raise SpecError("there is NaN or infinity among the activations. Check the frames and the weights.")

    @property
    def embeddings(self) -> Float[Tensor, "n d"]:
        """Of any length."""
        return self.projection(self.activations)


def fit_posteriors(
    frames: TowerSample,
    texts: TowerSample,
    *,
    logit_scale: int | float,
    logit_bias: int | float | None = None,
    prior_precision: int | float | None = None,
    count: int | float | None = None,
) -> Posteriors:
    """The posteriors of both maps, given frames like those to come and sentences like the prompts.

    Take more frames than the activations have dimensions where you can, and judge the result on frames that took no
    part: on the fitted ones themselves it is too sure.

    Args:
        frames: Any number; each is one observation.
        texts: At least two for a softmax, e.g. goal, baseline and negatives. More of them tell more.
        logit_scale: The model's own.
        logit_bias: The model's own, where it was trained with a sigmoid; None: a softmax.
        prior_precision: lambda for both; None: for each where its evidence is largest.
        count: Makes as if the frames were that many; None: as many as they are.

    Raises:
        SpecError: A number is not above 0, the towers do not match, or the loss has no curvature at all.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> frames, texts, weights = (torch.randn(n, 4, generator=generator) for n in (50, 3, 2))
        >>> tower = LinearProjection(weights)
        >>> posteriors = fit_posteriors(TowerSample(frames, tower), TowerSample(texts, tower), logit_scale=10)
        >>> posteriors.frames.variances(frames).shape
        torch.Size([50, 2])
    """
    for name, value in {"logit_scale": logit_scale, "prior_precision": prior_precision, "count": count}.items():
        if value is not None:
            require_above_0(name, value)
    seen, read = len(frames.projection.weight), len(texts.projection.weight)
    if seen != read:
        raise SpecError(f"the embeddings of frames have {seen} dimensions, those of sentences {read}: not one model's.")
    of_frames, of_texts = curvatures(frames.embeddings, texts.embeddings, scale=logit_scale, bias=logit_bias)
    observed = len(frames.activations) if count is None else count
    return Posteriors(
        _posterior(frames, of_frames, prior_precision, observed),
        _posterior(texts, of_texts, prior_precision, observed * len(texts.activations)),
    )


def curvatures(
    frames: Float[Tensor, "n d"], texts: Float[Tensor, "k d"], *, scale: int | float, bias: int | float | None = None
) -> tuple[Float[Tensor, "d d"], Float[Tensor, "d d"]]:
    """Gauss-Newton curvature of a frame's loss in its own embedding, and in the embedding of a sentence.

    With ``t = (h/|h| - c g/|g|) / |g|``, the slope of a cosine c in g, and p the model's probabilities, it is
    ``scale² (sum p t t^T - (sum p t)(sum p t)^T)`` for a softmax and ``scale² sum p (1-p) t t^T`` for sigmoids; in h,
    whose slope is the same with g and h exchanged, ``scale² p (1-p) t t^T`` for both.

    Args:
        frames: Embeddings of any length but 0.
        texts: Embeddings of any length but 0.
        scale: The model's logit scale.
        bias: The model's logit bias, which makes it a sigmoid; None: a softmax over the sentences.

    Returns:
        The mean over the frames, and the mean over sentences and frames; both positive semi-definite, in doubles.

    Example:
        >>> frame, texts = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, -1.0]])
        >>> curvatures(frame, texts, scale=1.0)[0]  # both cosines 0, so p = ½, and t = ±½ across the frame
        tensor([[0.0000, 0.0000],
                [0.0000, 0.2500]], dtype=torch.float64)
    """
    frames, texts = frames.double(), texts.double()
    text_lengths = texts.norm(dim=1, keepdim=True)
    goals = texts / text_lengths
    of_frames, of_texts = texts.new_zeros(2, texts.shape[1], texts.shape[1])
    for part in torch.split(frames, max(1, _ELEMENTS // texts.numel())):
        lengths = part.norm(dim=1, keepdim=True)
        seen = part / lengths
        cosines = seen @ goals.T
        shares = (scale * cosines).softmax(dim=1) if bias is None else (scale * cosines + bias).sigmoid()
        slopes = (goals - cosines[:, :, None] * seen[:, None]) / lengths[:, None]  # n k d
        weights = shares
        if bias is None:
            slopes = slopes - shares[:, None] @ slopes
        else:
            weights = shares * (1 - shares)
        of_frames += _squares(slopes, weights)
        slopes = (seen[:, None] - cosines[:, :, None] * goals) / text_lengths
        of_texts += _squares(slopes, shares * (1 - shares))
    return scale**2 * of_frames / len(frames), scale**2 * of_texts / (len(frames) * len(texts))


def best_prior_precision(
    activation_eigenvalues: Float[Tensor, " a"],
    curvature_eigenvalues: Float[Tensor, " d"],
    *,
    count: int | float,
    squared_norm: int | float,
) -> float:
    """The lambda under which the Laplace evidence is largest.

    ``log evidence = ½ (a d log lambda - lambda |W|² - sum log(n a b + lambda))`` and a constant; the sum in its
    derivative is the number of weights that the data determine.

    Args:
        activation_eigenvalues: Of A, at least 0.
        curvature_eigenvalues: Of B, at least 0.
        count: n.
        squared_norm: ``|W|²``.

    Raises:
        SpecError: There is no curvature or no weight, so that any lambda would do.

    Example:
        >>> one = torch.ones(1).double()
        >>> round(best_prior_precision(one, one, count=2, squared_norm=0.5), 6)  # ½ lambda = 2 / (2 + lambda)
        1.236068
    """
    told = count * activation_eigenvalues.double()[:, None] * curvature_eigenvalues.double()
    largest = float(told.max())
    if not (largest > 0 and squared_norm > 0):
        raise SpecError(
            "the loss has no curvature here, so nothing can be learnt from it: a softmax needs at least two sentences "
            "of which it is not certain. Give more sentences, or a prior_precision."
        )
    low, high = min(largest, 0.5 / squared_norm), told.numel() / squared_norm
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        if float((told / (told + middle)).sum()) > middle * squared_norm:
            low = middle
        else:
            high = middle
    return math.sqrt(low * high)


def _posterior(
    sample: TowerSample, curvature: Tensor, prior_precision: int | float | None, count: int | float
) -> ProjectionPosterior:
    activations = sample.activations.double()
    seen, directions = torch.linalg.eigh(activations.T @ activations / len(activations))
    bent, axes = torch.linalg.eigh(curvature)
    seen, bent = seen.clamp(min=0), bent.clamp(min=0)  # rounding leaves some just below
    if prior_precision is None:
        squared_norm = float(sample.projection.weight.double().square().sum())
        prior_precision = best_prior_precision(seen, bent, count=count, squared_norm=squared_norm)
    root, prior = math.sqrt(count), math.sqrt(prior_precision)
    whitening = directions.T / (root * seen + prior).sqrt()[:, None]
    spread = axes.square() @ (1 / (root * bent + prior))
    return ProjectionPosterior(whitening, spread, prior_precision, count)


def _squares(slopes: Tensor, weights: Tensor) -> Tensor:
    """Sum of ``w t t^T`` over frames and sentences."""
    rows = (slopes * weights[:, :, None].sqrt()).flatten(0, 1)
    return rows.T @ rows
