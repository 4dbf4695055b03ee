"""`Adapter`: one query at a time, a model is tuned by a reward for a few steps, asked, and put back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import torch

from vlmrm.encoders.towers.state import TowerState
from vlmrm.errors import FrameError, SpecError
from vlmrm.rewards import RewardModel
from vlmrm.rlcf.episode import Episode, run_steps
from vlmrm.rlcf.guard import Guard
from vlmrm.rlcf.options import AdaptOptions
from vlmrm.rlcf.policies import Adaptable, Asking
from vlmrm.rlcf.start import Start

Model = TypeVar("Model", bound=Adaptable)
"""What is adapted."""


@dataclass(eq=False)
class Tuned:
    """A model while it is adapted to one query."""

    adapter: "Adapter[Any]"
    """What adapted it."""
    episode: Episode
    """What happened in the episode."""

    def predict(self, queries: Any) -> Any:
        """Return what the adapted model says of queries: logits, or captions."""
        return self.adapter.say_now(queries)

    def controls(self, query: Any) -> Mapping[str, Any]:
        """Return what stands beside the answer to a query, without a gradient; see `vlmrm.rlcf.controls`.

        Args:
            query: One RGB picture at full size, or one text.

        Raises:
            SpecError: There is no reward.
        """
        adapter = self.adapter
        beside: Mapping[str, Any] = adapter.model.controls(adapter.model.read(query), adapter.asking)
        return beside


class Adapter(Generic[Model]):
    """Adapts a model to single queries by a reward (RLCF), or by one of the losses that compete with it.

    For each query the model starts from the same weights, so that no query changes the answer to another, unless
    ``reset`` says otherwise. The model that was given stays as it is: the adapter has a copy of its own.
    It works inside a caller's `torch.no_grad` and `torch.inference_mode`, and touches no global random state.

    Args:
        model: What is adapted: a `ClipClassifier`, a `TextGallery`, a `PictureGallery` or a `Captioner`.
        reward: What says how well a sentence fits a picture: its head scores pairs. None: for methods without one.
        options: The choices of an episode; see `vlmrm.rlcf.options.PRESETS`.
        guard: Decides for each query, before, whether to adapt. None: always.
        self_reward: Allow the reward to be the model itself.
        **changes: Choices other than those of ``options``, by name; ``views`` may be their number.

    Raises:
        SpecError: The method or the guard needs a reward and there is none, it has no pairs, or it is the model itself;
            or a choice is impossible.
        EncoderError: Its encoder is no model of OpenCLIP, or has nothing of the kind to tune.

    Example:
        >>> from vlmrm import RewardModel, RewardSpec
        >>> from vlmrm.rlcf import ClipClassifier
        >>> poles = ClipClassifier.load("random:sim-xs", ["stands upright", "hangs down"], template="the pole {}")
        >>> reward = RewardModel.from_spec(RewardSpec.clip_score("random:sim-s"))
        >>> adapter = Adapter(poles, reward, tune="image", learning_rate=1e-3, candidates=2, views=8)
        >>> with adapter(torch.zeros(64, 64, 3, dtype=torch.uint8)) as tuned:
        ...     tuned.predict(torch.zeros(64, 64, 3, dtype=torch.uint8)).shape
        torch.Size([1, 2])
    """

    def __init__(
        self,
        model: Model,
        reward: RewardModel | None = None,
        *,
        options: AdaptOptions | None = None,
        guard: Guard | None = None,
        self_reward: bool = False,
        **changes: Any,
    ) -> None:
        self.model, self.reward, self.guard = model, reward, guard
        self.options = _options(options or AdaptOptions(), changes)
        """The choices of an episode."""
        self.asking = Asking(options=self.options, reward=reward, guard=guard, self_reward=self_reward)
        """All that decides what is done."""
        self.policy = model.policy(self.asking)
        """The copy that is tuned, and what of it."""
        self._state = TowerState(self.policy.module, self.policy.parameters)
        self._start = Start(self.policy.parameters, self.options)
        self._busy = False

    def reset(self) -> None:
        """Begin anew, as for another set of queries: matters where ``reset`` is ``ema`` or ``never``."""
        self._start.forget()

    @contextmanager
    def __call__(self, query: Any, *, trace: bool = False) -> Iterator[Tuned]:
        """Adapt to one query, until the end of the context.

        Args:
            query: One RGB picture at full size; of a `PictureGallery` one text.
            trace: Also keep what is said of the whole query after each step.

        Raises:
            FrameError: It is not one query.
            SpecError: The adapter is at work on another one.
        """
        one = self.model.read(query)
        if len(one) != 1:
            raise FrameError(f"an episode has one query; got {len(one)}. Use adapter.predict for several.")
        if self._busy:
            raise SpecError("this adapter is at work on another query. Leave its context first, or make another.")
        self._busy = True
        try:
            with torch.inference_mode(False):
                tuned = self._adapt(one, trace)
            yield tuned
            if tuned.episode.adapted and not tuned.episode.dropped:
                self._start.learn(self.policy.parameters)
        finally:
            self._state.put_back()
            self._busy = False

    def predict(self, queries: Any) -> Any:
        """Return what is said of queries, each after an episode of its own: logits (n, k), or captions.

        Args:
            queries: Pictures of one size, or texts.
        """
        several = self.model.read(queries)
        answers = [self.answer(several[place : place + 1]) for place in range(len(several))]
        return self.policy.together(answers)

    def answer(self, query: Any, *, trace: bool = False) -> Any:
        """Return the answer to one query, after an episode of its own; see `vlmrm.rlcf.answer.Answerer`."""
        with self(query, trace=trace) as tuned:
            return self.policy.answer(tuned.predict(query), tuned.episode)

    def say_now(self, queries: Any) -> Any:
        """Return what is said of queries by the weights as they are now."""
        return self.policy.say(self.model.read(queries))

    def _adapt(self, query: Any, trace: bool) -> Tuned:
        policy = self.policy
        self._start.put(policy.parameters)
        opened = policy.open(query)
        if self.guard is not None and not opened.allowed(self.guard):
            return Tuned(self, Episode(adapted=False, before=opened.before))
        opened.begin()
        after = (lambda: policy.say(query)[0]) if trace else None
        episode = run_steps(policy.parameters, opened.loss, self.options, after)
        episode.before = opened.before
        if episode.dropped:
            self._start.put(policy.parameters)
        return Tuned(self, episode)


def _options(options: AdaptOptions, changes: dict[str, Any]) -> AdaptOptions:
    views = changes.get("views")
    if isinstance(views, int):
        changes = {**changes, "views": replace(options.views, count=views)}
    unknown = changes.keys() - AdaptOptions.__dataclass_fields__.keys()
    if unknown:
        raise SpecError(f"an adapter has no choice {sorted(unknown)[0]!r}. See vlmrm.rlcf.AdaptOptions.")
    return replace(options, **changes)
