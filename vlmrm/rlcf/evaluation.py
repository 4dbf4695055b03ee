"""`evaluate`: how often an adapted classifier is right, beside every control, picture by picture.

The labels are the judge: what is true of a picture by the simulator, or by whoever labelled it, and not by the reward.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vlmrm.errors import FrameError
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.rlcf.adapter import Adapter
from vlmrm.rlcf.answer import Answer, Answerer
from vlmrm.rlcf.controls import BothSides, Control
from vlmrm.types import Frames

CONTROLS = ("zero_shot", "reward_only", "best_of_k", "ensemble")


@runtime_checkable
class Pictures(Protocol):
    """Pictures at full size, one after the other; their sizes may differ. A tensor of frames is such."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class PictureResult:
    """What one method said of one picture."""

    answer: int
    """Index of the class."""
    chance: float
    """Probability that the method gave it."""
    rank: int
    """Place of the right class among all, from 0."""
    divergence: float = 0.0
    """Kullback-Leibler divergence of the probabilities from those before adaptation, in nats."""
    adapted: bool = False
    """Whether it was adapted to the picture."""
    moved: float = 0.0
    """The most that any tuned number has moved."""
    dropped: str = ""
    """Why the episode was given up. Empty: it was not."""
    after_each: tuple[int, ...] = ()
    """The answer after each step, where steps were traced."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MethodResult:
    """What one method said of all pictures."""

    name: str
    """What tables call it."""
    pictures: Sequence[PictureResult]
    """One for each picture, in order."""
    labels: Int[np.ndarray, " n"]
    """The right class of each picture."""

    @property
    def right(self) -> Bool[np.ndarray, " n"]:
        """Whether each answer is right."""
        right: Bool[np.ndarray, " n"] = np.array([one.answer for one in self.pictures]) == self.labels
        return right

    @property
    def accuracy(self) -> float:
        """Share of pictures answered rightly."""
        return float(self.right.mean())

    @property
    def chances(self) -> Float[np.ndarray, " n"]:
        """Probability of each answer that was given."""
        return np.array([one.chance for one in self.pictures])

    @property
    def share_adapted(self) -> float:
        """Share of pictures that it was adapted to."""
        return float(np.mean([one.adapted for one in self.pictures]))

    def right_among(self, count: int) -> float:
        """Return the share of pictures whose right class is among the first so many."""
        return float(np.mean([one.rank < count for one in self.pictures]))

    def accuracy_after_each(self) -> list[float]:
        """Return the accuracy after each step; empty where steps were not traced."""
        steps = min(len(one.after_each) for one in self.pictures)
        rows = np.array([one.after_each[:steps] for one in self.pictures])
        return [float(share) for share in (rows == self.labels[:, None]).mean(axis=0)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """All methods on the same pictures."""

    methods: Mapping[str, MethodResult]
    """By name; ``zero_shot`` is among them where there are controls."""
    classes: tuple[str, ...]
    """Names of the classes."""
    protocol: Mapping[str, Any] = field(default_factory=dict)
    """Settings under which it was measured: models, template, options and seeds."""


def evaluate(
    adapter: Adapter,
    pictures: Pictures,
    labels: Sequence[int] | Int[np.ndarray, " n"],
    *,
    others: Mapping[str, Answerer] | None = None,
    controls: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
) -> Evaluation:
    """Return how an adapter does on labelled pictures, with what stands beside it.

    Args:
        adapter: What is judged.
        pictures: Pictures at full size.
        labels: The index of the right class of each.
        others: More methods, by name.
        controls: Whether to ask the controls as well; see `control_methods`.
        progress: Called with the method, the pictures done and their number.

    Raises:
        FrameError: There are no pictures, as many labels as pictures are not there, or a label is no class.

    Example:
        >>> from vlmrm import RewardModel, RewardSpec
        >>> from vlmrm.rlcf import ClipClassifier
        >>> poles = ClipClassifier.load("sim-xs", ["stands upright", "hangs down"], template="the pole {}")
        >>> reward = RewardModel.from_spec(RewardSpec.clip_score("random:sim-s"))
        >>> adapter = Adapter(poles, reward, candidates=2, views=4)
        >>> black = torch.zeros(2, 64, 64, 3, dtype=torch.uint8)
        >>> list(evaluate(adapter, black, [0, 1]).methods)
        ['zero_shot', 'reward_only', 'best_of_k', 'ensemble', 'self_reward', 'kd', 'adapted']
    """
    right = checked_labels(pictures, labels, len(adapter.classifier.classes))
    methods: dict[str, Answerer] = dict(control_methods(adapter)) if controls else {}
    methods |= {**(others or {}), "adapted": adapter}
    results = {}
    for called, method in methods.items():
        method.reset()
        said = []
        for one in answers(method, pictures, right, trace=True):
            said.append(one)
            if progress is not None:
                progress(called, len(said), len(right))
        results[called] = MethodResult(name=called, pictures=said, labels=right)
    return Evaluation(methods=results, classes=adapter.classifier.classes, protocol=protocol_of(adapter))


def control_methods(adapter: Adapter) -> dict[str, Answerer]:
    """Return the controls of an adapter: four without a gradient, its own loss with the policy as its reward, and KD.

    Args:
        adapter: An adapter with a reward.
    """
    if adapter.reward is None:
        return {"zero_shot": Unadapted(adapter)}
    classifier = adapter.classifier
    count = adapter.options.candidates or len(classifier.classes)
    sides = BothSides(classifier, adapter.reward)
    controls: dict[str, Answerer] = {name: Control(sides, name, candidates=count) for name in CONTROLS}
    own = RewardModel(classifier.encoder, RewardSpec.clip_score(classifier.encoder.name))
    controls["self_reward"] = Adapter(classifier, own, options=adapter.options, self_reward=True)
    controls["kd"] = Adapter(classifier, adapter.reward, options=replace(adapter.options, method="kd"))
    return controls


class Unadapted:
    """The classifier of an adapter, as it is.

    Args:
        adapter: Whose classifier it is.
    """

    def __init__(self, adapter: Adapter) -> None:
        self._classifier = adapter.classifier

    def answer(self, picture: Frames, *, trace: bool = False) -> Answer:
        """Return the answer to one picture."""
        return Answer(self._classifier.logits(picture)[0])

    def reset(self) -> None:
        """Do nothing."""


def answers(
    method: Answerer, pictures: Pictures, labels: Int[np.ndarray, " n"], *, trace: bool = False, first: int = 0
) -> Iterator[PictureResult]:
    """Yield what a method says of each picture.

    Args:
        method: What is asked.
        pictures: Pictures at full size.
        labels: The right class of each.
        trace: Whether to keep the answer after each step.
        first: Place of the first picture to ask about, for what was interrupted.
    """
    for place in range(first, len(labels)):
        given = method.answer(_one(pictures[place]), trace=trace)
        yield _result(given, int(labels[place]))


def protocol_of(adapter: Adapter) -> dict[str, Any]:
    """Return the settings of an adapter as plain values."""
    options = asdict(adapter.options)
    options["tune"] = options["tune"] if isinstance(options["tune"], str) else "by a function"
    encoder = adapter.classifier.encoder
    kept: dict[str, Any] = {"policy": encoder.name, "policy_fingerprint": encoder.fingerprint}
    if adapter.reward is not None:
        kept |= {"reward": adapter.reward.spec.to_dict(), "reward_fingerprint": adapter.reward.fingerprint}
    guard = None if adapter.guard is None else asdict(adapter.guard)
    return {**kept, "template": adapter.classifier.template, "options": options, "guard": guard}


def checked_labels(pictures: Pictures, labels: Any, classes: int) -> Int[np.ndarray, " n"]:
    """Return labels as an array.

    Raises:
        FrameError: They do not fit the pictures or the classes.
    """
    right = np.asarray(labels)
    if not len(right) or len(right) != len(pictures):
        raise FrameError(f"each picture has one label; got {len(pictures)} pictures and {len(right)} labels.")
    if right.dtype.kind not in "iu" or right.min() < 0 or right.max() >= classes:
        raise FrameError(f"a label is the index of a class, 0 to {classes - 1}; got {right.min()} to {right.max()}.")
    return right


def _one(picture: Any) -> Frames:
    from_tensor: Frames = torch.as_tensor(picture)
    return from_tensor if from_tensor.dim() == 4 else from_tensor[None]


def _result(given: Answer, label: int) -> PictureResult:
    logits, episode = given.logits, given.episode
    chances = logits.softmax(dim=0)
    best = int(logits.argmax())
    return PictureResult(
        answer=best,
        chance=float(chances[best]),
        rank=int((logits > logits[label]).sum()),
        divergence=0.0 if episode.before is None else _divergence(logits, episode.before),
        adapted=episode.adapted,
        moved=episode.moved,
        dropped=episode.dropped,
        after_each=tuple(int(row.argmax()) for row in episode.after_each),
    )


def _divergence(after: Float[Tensor, " k"], before: Float[Tensor, " k"]) -> float:
    now, then = after.double().log_softmax(0), before.double().log_softmax(0)
    return max(0.0, float((now.exp() * (now - then)).sum()))
