"""What is measured of each latent: its effect on the reward, where it is active, and how alike its frames look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from vlmrm.data.labelled import LabelledFrames
from vlmrm.errors import FrameError
from vlmrm.metrics import mean_similarity, monosemanticity
from vlmrm.metrics.correlations import unit_deviations
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.estimating import estimate_some
from vlmrm.report.concepts.autoencoder import AutoencoderOptions, SparseAutoencoder
from vlmrm.report.concepts.concept import ActiveFrame, Concept
from vlmrm.report.concepts.concept_numbers import Monosemantic
from vlmrm.report.concepts.concepts import Concepts
from vlmrm.report.concepts.effects import ScoreRows, effects_of, score_filled
from vlmrm.report.concepts.sentences import NearSentence, nearest_sentences
from vlmrm.rewards.features import FrameFeatures
from vlmrm.types import Embeddings

_FEWEST, _SHARE = 5, 0.01  # frames where a latent is active, and their share: of fewer nothing is said
_SHOWN = 6  # as many as fit into a row of the page
_KEPT = 4 * _SHOWN  # of these the first of each group are shown


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """The embeddings of some frames, taken apart."""

    audited: Audited
    """The reward and its frames."""
    found: SparseAutoencoder
    """What takes embeddings apart."""
    again: SparseAutoencoder
    """The same, trained on frames drawn anew and from another seed."""
    texts: Mapping[str, Float[Tensor, " d"]]
    """Unit-length embeddings of sentences, those about something else among them. Empty: there are none."""
    judge: str
    """Name of the encoder that says which frames look alike."""
    looks: Float[Tensor, "n c"]
    """Its embeddings of the frames."""

    @property
    def embeddings(self) -> Embeddings:
        """Embeddings of the frames."""
        return self.audited.seen.embeddings.detach()

    @cached_property
    def activations(self) -> Float[np.ndarray, "n l"]:
        """How active each latent is on each frame."""
        found: Float[np.ndarray, "n l"] = self.found.activations(self.embeddings).double().numpy()
        return found

    @property
    def active(self) -> Bool[np.ndarray, "n l"]:
        """Whether each latent is active on each frame."""
        found: Bool[np.ndarray, "n l"] = self.activations > 0
        return found

    @cached_property
    def effects(self) -> Float[np.ndarray, "n l"]:
        """What each latent adds to the score of each frame."""
        return effects_of(score_rows(self.audited), self.embeddings, self.found)

    @cached_property
    def alike(self) -> Float[np.ndarray, " l"]:
        """Monosemanticity of each latent; NaN where there is none."""
        return monosemanticity(self.activations, self.looks.double().numpy())

    @cached_property
    def found_again(self) -> Float[np.ndarray, " l"]:
        """Correlation of each latent with the most similar one of the second autoencoder; 0 where it never changes."""
        others = self.again.activations(self.embeddings).double().numpy()
        first, second = (np.stack([unit_deviations(column) for column in one.T]) for one in (self.activations, others))
        found: Float[np.ndarray, " l"] = np.clip((first @ second.T).max(axis=1), 0.0, 1.0)
        return found

    @cached_property
    def nearest(self) -> Sequence[Sequence[NearSentence]]:
        """Sentences that each latent is nearest to."""
        if not self.texts:
            return [()] * self.activations.shape[1]
        return nearest_sentences(self.found.directions, self.active, self.embeddings, self.texts)


def score_rows(audited: Audited) -> ScoreRows:
    """Return the function that scores embeddings as the reward does.

    Args:
        audited: The reward.
    """
    return lambda embeddings: audited.score_seen(FrameFeatures(embeddings=embeddings))


def measure_concepts(parts: Parts, source: str, options: AutoencoderOptions, remarks: Sequence[str]) -> Concepts:
    """Return what is known of every latent that is active on enough frames.

    Args:
        parts: The embeddings, taken apart.
        source: Name of the frames' source.
        options: How they were taken apart.
        remarks: What limits the numbers.

    Raises:
        FrameError: No latent is active on enough frames.
    """
    audited, embeddings, n = parts.audited, parts.embeddings, len(parts.embeddings)
    frames = parts.active.sum(axis=0)
    kept = np.flatnonzero(frames >= max(_FEWEST, _SHARE * n))
    if not kept.size:
        raise FrameError(f"no latent is active on {_FEWEST} of {n} frames or more. Ask for fewer latents.")
    rebuilt = parts.found.rebuild(parts.found.activations(embeddings))
    scores_again = score_filled(score_rows(audited), rebuilt, embeddings)
    dead, spec, title = int((frames == 0).sum()), audited.reward.spec, audited.scorer.title
    return Concepts(
        reward=audited.reward.name if title == "reward" else title,
        spec_hash=None if spec is None else spec.hash(),
        fingerprint=audited.reward.fingerprint,
        source=source,
        frames=n,
        in_goal=int(audited.labels.in_goal.sum()),
        options=options,
        explained=parts.found.explained(embeddings),
        score_correlation=float(unit_deviations(scores_again) @ unit_deviations(audited.scores)),
        dead=dead,
        rare=len(frames) - dead - len(kept),
        concepts=sorted((_concept(parts, latent) for latent in kept.tolist()), key=lambda one: -one.effect.value),
        monosemantic=_monosemantic(parts, parts.alike[kept]),
        remarks=remarks,
    )


def _concept(parts: Parts, latent: int) -> Concept:
    audited, effects, on = parts.audited, parts.effects[:, latent], parts.active[:, latent]
    labels, rows = audited.labels, np.flatnonzero(on)
    scores, alike = audited.scores - audited.scores.mean(), float(parts.alike[latent])
    return Concept(
        number=latent,
        activation=parts.activations[:, latent],
        effect=estimate_some(effects[rows], rows, labels, seed=audited.seed),
        spread=float(effects @ scores / (scores @ scores)),
        goal_share=float(on[labels.in_goal].mean()),
        other_share=float(on[~labels.in_goal].mean()),
        monosemanticity=alike if np.isfinite(alike) else None,
        found_again=float(parts.found_again[latent]),
        nearest=parts.nearest[latent],
        frames=[
            ActiveFrame(
                picture=labels.frames[row].numpy(),
                name=labels.names[row],
                activation=float(parts.activations[row, latent]),
                score=float(audited.scores[row]),
                in_goal=bool(labels.in_goal[row]),
            )
            for row in _most_active(parts.activations[:, latent], labels)
        ],
    )


def _most_active(activation: Float[np.ndarray, " n"], labels: LabelledFrames) -> list[int]:
    """Of the frames where a latent is most active the best one of each group, then the second of each."""
    order = [int(row) for row in np.argsort(-activation, kind="stable")[:_KEPT] if activation[row] > 0]
    groups = labels.groups or [str(row) for row in range(len(labels))]
    place: dict[str, int] = {}
    ranked = []
    for row in order:
        place[groups[row]] = place.get(groups[row], -1) + 1
        ranked.append((place[groups[row]], row))
    return [row for _, row in sorted(ranked, key=lambda one: one[0])][:_SHOWN]


def _monosemantic(parts: Parts, alike: Float[np.ndarray, " k"]) -> Monosemantic:
    looks, own = parts.looks.double().numpy(), parts.embeddings.double().numpy()
    dimensions = monosemanticity(own, looks)
    return Monosemantic(
        concepts=_mean_known(alike),
        by_chance=mean_similarity(looks),
        dimensions=_mean_known(dimensions),
        encoder=parts.judge,
        is_second=parts.judge != parts.audited.reward.name,
    )


def _mean_known(values: Float[np.ndarray, " k"]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None
