"""``cameras`` of a spec: pictures of several cameras at one moment, each scored by itself, whose scores are joined.

What one camera cannot see, another one may: a lean backwards does not show from the front. The pictures lie side by
side in a frame (`vlmrm.frames.side_by_side`). Each is read and scored as a frame of its own, and what comes after the
head sees the joined score. The embedding of such a frame is the embeddings of its pictures one after the other, brought
to unit length, so that two of them are as near as their pictures are in the mean.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm.errors import PromptError, SpecError, VlmrmError, near_matches
from vlmrm.frames.side_by_side import cut_apart
from vlmrm.prompts import PromptSet
from vlmrm.rewards.features.frame_features import FeatureExtractor, FrameFeatures
from vlmrm.rewards.protocols import Context, Head, PairHead
from vlmrm.rewards.score import Score
from vlmrm.rewards.transforms.options import TransformOptions
from vlmrm.tables import join as join_path
from vlmrm.tables import read_fields, read_table
from vlmrm.types import Embeddings, Frames, Pictures, Rewards
from vlmrm.values import read_names, require_above_0, require_choice

_ONE_PICTURE = "that is about one picture, and not about several of a moment"
_ROUNDING = 1e-6  # by which weights written with a few digits may miss 1


def _mean(scores: Float[Tensor, "n v"], weights: Float[Tensor, " v"]) -> Rewards:
    return scores @ weights


def _lowest(scores: Float[Tensor, "n v"], weights: Float[Tensor, " v"]) -> Rewards:
    return scores.amin(dim=1)


JOINS: Mapping[str, Callable[[Tensor, Tensor], Rewards]] = {"mean": _mean, "lowest": _lowest}
"""Functions that make one score of the scores of all cameras, by name."""


def _read_own_prompts(values: Any, path: str) -> Mapping[str, PromptSet]:
    if not isinstance(values, Mapping):
        raise SpecError(f"{path} is a table with sentences for some of the cameras, by name; got {values!r}.")
    return {
        str(name): PromptSet(said)
        if isinstance(said, str)
        else read_table(PromptSet, said, where=join_path(path, str(name)), error=PromptError)
        for name, said in values.items()
    }


@dataclass(frozen=True, kw_only=True)
class CamerasOptions(TransformOptions):
    """Options of ``cameras``.

    Example:
        >>> CamerasOptions(names=["front", "side"], weights={"front": 0.25, "side": 0.75}).join
        'mean'
    """

    refuses: ClassVar[Mapping[str, str]] = {
        "head:ensemble": "its parts are brought to one scale on single pictures",
        "few_shot": _ONE_PICTURE,
        "uncertainty": _ONE_PICTURE,
        "over_time:milestones": "each milestone has a probability of its own, and those are not joined",
        "over_time:clip": "clips are made of whole frames",
    }
    passes_gradients: ClassVar[bool] = False
    pairs: ClassVar[str | None] = "a text is compared with one picture, and not with several of a moment"
    names: Sequence[str] = field(metadata={"read": read_names, "example": 'names = ["front", "side"]'})
    """Names of the cameras, as their pictures lie in a frame from left to right."""
    join: str = "mean"
    """How one score is made of those of all cameras: ``mean``, or ``lowest``."""
    weights: Mapping[str, int | float] = field(default_factory=dict)
    """Weight of each camera in the mean, above 0; they sum to 1. Left out: all weigh the same."""
    prompts: Mapping[str, PromptSet] = field(default_factory=dict, metadata={"read": _read_own_prompts})
    """Sentences of a camera of its own, by its name, in place of the spec's; baseline and negatives that are left out
    are the spec's."""

    def __post_init__(self) -> None:
        read_fields(self)
        if not self.names or not all(name.strip() for name in self.names) or len(set(self.names)) < len(self.names):
            raise SpecError(f"names are the names of one camera or more, each once; got {list(self.names)}.")
        require_choice("join", self.join, JOINS)
        for what in ("weights", "prompts"):
            require_known(what, getattr(self, what), self.names)
        if self.weights:
            self._check_weights()

    def _check_weights(self) -> None:
        missing = [name for name in self.names if name not in self.weights]
        if missing:
            raise SpecError(f"weights say nothing of {', '.join(missing)}. Give each of {', '.join(self.names)} one.")
        if self.join != "mean":
            raise SpecError(f"weights belong to a mean, and join is {self.join!r}. Leave out one of them.")
        for name, weight in self.weights.items():
            require_above_0(f"weights.{name}", weight)
        total = math.fsum(self.weights.values())
        if abs(total - 1) > _ROUNDING:
            raise SpecError(f"weights must sum to 1; {dict(self.weights)} sum to {total:g}.")

    def prompts_of(self, name: str, usual: PromptSet) -> PromptSet:
        """Return the sentences that a camera's picture is scored by.

        Args:
            name: Name of the camera.
            usual: Sentences of the spec.
        """
        own = self.prompts.get(name)
        if own is None:
            return usual
        return PromptSet(own.goal, own.baseline or usual.baseline, own.negatives or usual.negatives)

    @property
    def reads_goal(self) -> bool:
        """Whether all cameras are scored by the sentences of the spec."""
        return not self.prompts

    @property
    def pictures_in_frame(self) -> int:
        """As many as there are cameras."""
        return len(self.names)

    def every_prompts(self, usual: PromptSet) -> Sequence[PromptSet]:
        """Return the sentences of the spec, and those of single cameras.

        Args:
            usual: Sentences of the spec.
        """
        return usual, *(self.prompts_of(name, usual) for name in self.prompts)

    def joined(self, scores: Float[Tensor, "n v"]) -> Rewards:
        """Return one score for each frame.

        Args:
            scores: Scores of the cameras' pictures, in the order of `names`.
        """
        weights = [float(self.weights.get(name, 1 / len(self.names))) for name in self.names]
        return JOINS[self.join](scores, scores.new_tensor(weights))

    def joined_pairs(self, head: PairHead) -> PairHead:
        """Return what scores frames of all cameras against texts: each picture by itself, and the scores joined.

        Args:
            head: Scores single pictures.

        Raises:
            SpecError: A camera has sentences of its own, so that a text would stand in the place of some goals only.
        """
        if self.prompts:
            raise SpecError(f"{', '.join(self.prompts)} have sentences of their own, whatever the text says")

        def score(embeddings: Float[Tensor, "n vd"], goals: Float[Tensor, "k d"]) -> Float[Tensor, "n k"]:
            rows = pictures_of(embeddings, len(self.names))
            scores = torch.stack([head(rows[:, number], goals) for number in range(len(self.names))], dim=2)
            return self.joined(scores.flatten(end_dim=1)).reshape(len(rows), len(goals))

        return score

    def check(self, spec: Any) -> None:
        """Refuse sentences of a camera that are no reward with the rest of the spec."""
        for name in self.prompts if spec.prompts is not None else ():
            try:
                replace(spec, cameras=None, prompts=self.prompts_of(name, spec.prompts))
            except VlmrmError as refused:
                raise type(refused)(f"cameras.prompts.{name}: {refused}") from refused

    def apply(self, context: Context) -> Context:
        """Return the context with frames cut into the cameras' pictures, and their scores joined."""
        spec, names = context.spec, self.names
        usual = spec.require_prompts() if self.prompts else spec.prompts
        heads = [
            spec.options.build(context.encoder, self.prompts_of(name, usual), spec.alpha)
            if usual is not None and name in self.prompts
            else context.head
            for name in names
        ]
        head = JoinedHead(options=self, heads=heads)
        return replace(
            context,
            embedder=CameraFeatures(context.embedder, len(names)),
            extractor=CameraFeatures(context.extractor, len(names)),
            head=head,
            score=Score(head),
        )


def require_known(what: str, given: Mapping[str, Any] | Sequence[str], known: Sequence[str]) -> None:
    """Refuse names of cameras that there are not.

    Args:
        what: Key that names them, for the message.
        given: Names, or a table by names.
        known: Names of the cameras.

    Raises:
        SpecError: If one is unknown.
    """
    for name in given:
        if name not in known:
            raise SpecError(
                f"{what} name a camera {name!r} that there is not. Near: {near_matches(name, known)}. The cameras are "
                f"{', '.join(known)}."
            )


class CameraFeatures:
    """Reads each picture of a frame as another extractor reads a frame.

    Args:
        extractor: Reads the pictures.
        count: Number of pictures side by side in a frame.
    """

    def __init__(self, extractor: FeatureExtractor, count: int) -> None:
        self._extractor, self._count = extractor, count

    @property
    def fingerprint(self) -> str:
        """Which weights and preprocessing it reads with, and how many pictures."""
        return f"{self._extractor.fingerprint}-cameras-{self._count}"

    def read(self, frames: Frames) -> FrameFeatures:
        """Return the embeddings of the pictures one after the other, brought to unit length.

        Raises:
            FrameError: If the frames are not so many pictures side by side.
        """
        return FrameFeatures(
            embeddings=embed_joined(frames, self._count, lambda pictures: self._extractor.read(pictures).embeddings)
        )


def embed_joined(frames: Pictures, count: int, embed: Callable[[Pictures], Embeddings]) -> Embeddings:
    """Return the embeddings of the pictures in each frame one after the other, brought to unit length.

    Args:
        frames: Frames, or their levels, of so many pictures side by side.
        count: Number of pictures in a frame.
        embed: Returns the unit-length embeddings of pictures.

    Raises:
        FrameError: If the frames are not so many pictures side by side.
    """
    rows = embed(torch.cat(cut_apart(frames, count))).reshape(count, len(frames), -1)
    return rows.movedim(0, 1).flatten(1) / math.sqrt(count)  # n v d, then n vd


def pictures_of(embeddings: Float[Tensor, "n vd"], count: int) -> Float[Tensor, "n v d"]:
    """Return the unit-length embeddings of the pictures that were joined in each frame's.

    Args:
        embeddings: As `CameraFeatures` makes them.
        count: Number of pictures in a frame.
    """
    return normalize(embeddings.reshape(len(embeddings), count, -1), dim=2)


def as_every_camera(embeddings: Embeddings, count: int) -> Float[Tensor, "n vd"]:
    """Return unit-length embeddings whose cosine with a frame's is the mean of those with its pictures.

    Args:
        embeddings: Of sentences; unit length.
        count: Number of pictures in a frame.

    Example:
        >>> as_every_camera(torch.tensor([[0.6, 0.8]]), 4).norm().item()
        1.0
    """
    return embeddings.repeat(1, count) / math.sqrt(count)


@dataclass(frozen=True, kw_only=True, eq=False)
class JoinedHead(Head):
    """Scores each picture by itself and joins the scores.

    Example:
        >>> def share(embeddings):
        ...     return embeddings[:, 0]
        >>> both = JoinedHead(options=CamerasOptions(names=["a", "b"], join="lowest"), heads=[share] * 2)
        >>> both(torch.tensor([[1.0, 0.0, 0.6, 0.8]]) / 2**0.5).round(decimals=4)
        tensor([0.6000])
    """

    options: CamerasOptions
    """Names of the cameras, and how their scores are joined."""
    heads: Sequence[Callable[[Embeddings], Rewards]]
    """Head of each camera."""

    def _scores(self, embeddings: Embeddings) -> Float[Tensor, "n v"]:
        rows = pictures_of(embeddings, len(self.heads))
        return torch.stack([head(rows[:, number]) for number, head in enumerate(self.heads)], dim=1)

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """Return one score per frame."""
        return self.options.joined(self._scores(embeddings))

    def columns(self, embeddings: Embeddings) -> Mapping[str, Rewards]:
        """Return the score of each camera's picture."""
        scores = self._scores(embeddings).T
        return {f"camera {name}": column for name, column in zip(self.options.names, scores, strict=True)}


def with_cameras(spec: Any, names: Sequence[str]) -> Any:
    """Return the spec of a reward on frames of a task's cameras.

    Args:
        spec: A `RewardSpec`; of one that says nothing of cameras, the scores of all of them are averaged.
        names: Names of the task's cameras.

    Raises:
        SpecError: If the reward names others.
    """
    if spec.cameras is None:
        return replace(spec, cameras=CamerasOptions(names=names))
    require_known("cameras of the reward", spec.cameras.names, names)
    return spec


def require_shared_goal(spec: Any) -> None:
    """Refuse a goal for all cameras where each has sentences of its own, so that it would change nothing.

    Args:
        spec: A `RewardSpec`.

    Raises:
        SpecError: If no camera reads the goal of the spec.
    """
    own = () if spec.cameras is None else spec.cameras.prompts
    if own and set(own) == set(spec.cameras.names):
        raise SpecError(
            f"the cameras {', '.join(own)} have sentences of their own, so another goal for all of them changes "
            "nothing. Change cameras.prompts, or leave it out and the goal counts for all."
        )


def joins_as_usual(spec: Any, names: Sequence[str]) -> bool:
    """Whether the spec of a reward joins a task's cameras as one does that says nothing of them.

    Args:
        spec: A `RewardSpec`.
        names: Names of the task's cameras; none: it has one picture.
    """
    return bool(names) and spec.cameras == with_cameras(replace(spec, cameras=None), names).cameras
