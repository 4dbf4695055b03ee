"""`ConceptNumbers`: what raises and lowers a reward, as a table and as JSON; a page is filled in from them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vlmrm.metrics import Estimate
from vlmrm.report.concepts.autoencoder import AutoencoderOptions
from vlmrm.report.concepts.concept import Concept
from vlmrm.report.words import decimal, percent

_HEADER = ("concept", "effect", "spread", "goal", "others", "monosemantic", "again", "nearest sentence")


@dataclass(frozen=True, kw_only=True)
class Monosemantic:
    """How much alike the frames of a concept look, beside what that is without concepts."""

    concepts: float | None
    """Mean over the concepts. None: it is known of none."""
    by_chance: float
    """Mean if activations were dealt out to the frames anew."""
    dimensions: float | None
    """Mean over the dimensions of the embedding, each read as a concept. None: none of them varies."""
    encoder: str
    """Name of the encoder whose embeddings say what looks alike."""
    is_second: bool
    """Whether that is another encoder than the reward's own, which is no judge of its own concepts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ConceptNumbers:
    """What raises and what lowers a reward, on some frames."""

    reward: str
    """What the reward is called."""
    spec_hash: str | None
    """Hash of the reward's spec. None: there is no spec."""
    fingerprint: str | None
    """Which weights it reads with. None: unknown."""
    source: str
    """Name of the frames' source."""
    frames: int
    """Number of frames looked at."""
    in_goal: int
    """How many of them show the goal."""
    options: AutoencoderOptions
    """How embeddings were taken apart."""
    explained: float
    """Share of the embeddings' variance that the latents rebuild."""
    score_correlation: float
    """Correlation of the reward with the reward of what is rebuilt: how far the latents stand for what it sees."""
    dead: int
    """Number of latents that are active on no frame."""
    rare: int
    """Number of latents that are active on too few frames to say anything of them."""
    concepts: Sequence[Concept]
    """All others, the one that raises the reward most first."""
    monosemantic: Monosemantic
    """How much alike their frames look."""
    remarks: Sequence[str]
    """What limits the numbers."""

    @property
    def raising(self) -> Sequence[Concept]:
        """Concepts that surely raise the reward where they are active, the strongest first."""
        return [one for one in self.concepts if one.is_sure and one.effect.value > 0]

    @property
    def lowering(self) -> Sequence[Concept]:
        """Concepts that surely lower it, the strongest first."""
        return [one for one in reversed(self.concepts) if one.is_sure and one.effect.value < 0]

    @property
    def paying_elsewhere(self) -> Sequence[Concept]:
        """Those that raise it, and more of the other frames than of the goal frames, the strongest first."""
        return [one for one in self.concepts if one.pays_elsewhere]

    @property
    def headline(self) -> str:
        """What raises the reward most, in a sentence."""
        if not self.raising:
            return f"No concept surely raises {self.reward} on {self.source}."
        first = self.raising[0]
        unnamed = ", which no sentence names," if first.name is None else ""
        return (
            f"{self.reward} on {self.source} is raised most by {first.title}{unnamed}: by "
            f"{decimal(first.effect.value)} where it is active, in {percent(first.goal_share)} of the goal frames and "
            f"{percent(first.other_share)} of the others."
        )

    def table(self) -> str:
        """Return the concepts as lines of text, for terminals."""
        rows = [_HEADER, *(_row(one) for one in self.concepts)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all that was found as plain values, for JSON; pictures are on the page alone."""
        return {
            "reward": self.reward,
            "spec_hash": self.spec_hash,
            "fingerprint": self.fingerprint,
            "source": self.source,
            "frames": self.frames,
            "in_goal": self.in_goal,
            "headline": self.headline,
            "options": asdict(self.options),
            "explained": self.explained,
            "score_correlation": self.score_correlation,
            "dead": self.dead,
            "rare": self.rare,
            "monosemantic": asdict(self.monosemantic),
            "concepts": [_plain(one) for one in self.concepts],
            "remarks": list(self.remarks),
        }


def _row(one: Concept) -> tuple[str, ...]:
    alike = "-" if one.monosemanticity is None else decimal(one.monosemanticity)
    nearest = one.name or (f"(no fit: {one.nearest[0].text})" if one.nearest else "-")
    shares = (percent(one.goal_share), percent(one.other_share))
    return (str(one.number), str(one.effect), decimal(one.spread), *shares, alike, decimal(one.found_again), nearest)


def _plain(one: Concept) -> dict[str, Any]:
    return {
        "number": one.number,
        "name": one.name,
        "effect": _plain_estimate(one.effect),
        "spread": one.spread,
        "goal_share": one.goal_share,
        "other_share": one.other_share,
        "pays_elsewhere": one.pays_elsewhere,
        "monosemanticity": one.monosemanticity,
        "found_again": one.found_again,
        "nearest": [asdict(sentence) for sentence in one.nearest],
        "frames": [
            {"frame": shown.name, "activation": shown.activation, "score": shown.score, "in_goal": shown.in_goal}
            for shown in one.frames
        ],
    }


def _plain_estimate(effect: Estimate) -> Mapping[str, float | None]:
    """Without numbers that JSON has no word for: of an effect without an interval the ends are null."""
    ends = (effect.low, effect.high) if effect.known else (None, None)
    return {"value": effect.value, "low": ends[0], "high": ends[1]}
