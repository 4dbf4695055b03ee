"""`Adapter`: one query at a time, a model is tuned by a reward for a few steps, asked, and put back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.towers.state import TowerState
from vlmrm.errors import FrameError, SpecError
from vlmrm.rewards import RewardModel
from vlmrm.rlcf.answer import Answer, Logits
from vlmrm.rlcf.controls import BothSides
from vlmrm.rlcf.episode import Episode, run_steps
from vlmrm.rlcf.guard import Guard
from vlmrm.rlcf.methods import ASK_REWARD, Evidence, find_method
from vlmrm.rlcf.options import AdaptOptions
from vlmrm.rlcf.policy import TunedEncoder
from vlmrm.rlcf.reward_side import RewardSide, require_another_model
from vlmrm.rlcf.start import Start
from vlmrm.rlcf.views import Box, most_confident, random_of
from vlmrm.rlcf.zero_shot import Queries, ZeroShot, query_bytes


@dataclass(eq=False)
class Tuned:
    """A model while it is adapted to one query."""

    adapter: "Adapter"
    """What adapted it."""
    episode: Episode
    """What happened in the episode."""

    def predict(self, queries: Any) -> Logits:
        """Return the logits of queries by the adapted model."""
        return self.adapter.logits_now(queries)

    def controls(self, query: Any) -> dict[str, Logits]:
        """Return what stands beside the answer to a query, without a gradient; see `vlmrm.rlcf.controls`.

        Args:
            query: One RGB picture at full size, or one text.

        Raises:
            SpecError: There is no reward.
        """
        adapter = self.adapter
        if adapter.reward is None:
            raise SpecError("the controls compare with a reward. Give the adapter one.")
        count = adapter.options.candidates or adapter.model.count
        sides = BothSides(adapter.model, adapter.reward, rivals=adapter.options.rivals)
        return {name: logits[None] for name, logits in sides.of(adapter.model.read(query)).controls(count).items()}


class Adapter:
    """Adapts a model to single queries by a reward (RLCF), or by one of the losses that compete with it.

    For each query the model starts from the same weights, so that no query changes the answer to another, unless
    ``reset`` says otherwise. The model that was given stays as it is: the adapter has a copy of its own.
    It works inside a caller's `torch.no_grad` and `torch.inference_mode`, and touches no global random state.

    Args:
        model: What is adapted: a `ClipClassifier`, a `TextGallery` or a `PictureGallery`.
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
        model: ZeroShot,
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
        self._method = find_method(self.options.method)
        _require_candidates(self.options, model.count)
        self._rewards: RewardSide | None = None
        if self.options.method in ASK_REWARD or guard is not None:
            self._rewards = self._reward_side(reward, self_reward=self_reward)
        self.policy = TunedEncoder(model.encoder, self.options, model.template)
        """The copy that is tuned, and what of it."""
        self._side = model.side(self.policy)
        self._state = TowerState(self.policy.encoder.model, self.policy.parameters)
        self._start = Start(self.policy.parameters, self.options)
        self._busy = False

    def _reward_side(self, reward: RewardModel | None, *, self_reward: bool) -> RewardSide:
        if reward is None:
            raise SpecError(f"the method {self.options.method!r}, or the guard, needs a reward. Give the adapter one.")
        require_another_model(self.model.encoder, reward, self_reward=self_reward)
        return self.model.rewards(reward, sees=self.options.reward_sees, rivals=self.options.rivals)

    def reset(self) -> None:
        """Begin anew, as for another set of queries: matters where ``reset`` is ``ema`` or ``never``."""
        self._start.forget()

    @contextmanager
    def __call__(self, query: Any, *, trace: bool = False) -> Iterator[Tuned]:
        """Adapt to one query, until the end of the context.

        Args:
            query: One RGB picture at full size; of a `PictureGallery` one text.
            trace: Also keep the logits of the whole query after each step.

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

    def predict(self, queries: Any) -> Logits:
        """Return the logits of queries, each after an episode of its own.

        Args:
            queries: Pictures of one size, or texts.
        """
        several = self.model.read(queries)
        return torch.stack([self.answer(several[place : place + 1]).logits for place in range(len(several))])

    def answer(self, query: Any, *, trace: bool = False) -> Answer:
        """Return the answer to one query, after an episode of its own; see `vlmrm.rlcf.answer.Answerer`."""
        with self(query, trace=trace) as tuned:
            return Answer(tuned.predict(query)[0], tuned.episode)

    def logits_now(self, queries: Any) -> Logits:
        """Return the logits of queries by the weights as they are now."""
        with torch.inference_mode(False), torch.no_grad():
            self.policy.use_own_statistics()
            return self._side.logits(self.model.read(queries)).cpu()

    def _adapt(self, query: Queries, trace: bool) -> Tuned:
        options, policy = self.options, self.policy
        self._start.put(policy.parameters)
        sight, boxes = self._side.view(query, options)
        with torch.no_grad():
            views = sight.logits()
        before = views[0].cpu()
        if self.guard is not None and not self.guard.adapts(before, self._rewards, query):
            return Tuned(self, Episode(adapted=False, before=before))
        rows = most_confident(views, options.views.kept)
        evidence = self._evidence(query, [boxes[int(row)] for row in rows], views[rows])
        after = (lambda: self.logits_now(query)[0]) if trace else None
        episode = run_steps(policy, sight, rows, self._method(evidence), options, after)
        episode.before = before
        if episode.dropped:
            self._start.put(policy.parameters)
        return Tuned(self, episode)

    def _evidence(self, query: Queries, boxes: Sequence[Box], start: Float[Tensor, "r k"]) -> Evidence:
        def ask(what: Callable[[RewardSide], Tensor]) -> Tensor:
            if self._rewards is None:
                raise SpecError(f"the method {self.options.method!r} needs a reward. Give the adapter one.")
            return what(self._rewards).to(start.device).expand(len(boxes), -1)

        return Evidence(
            start=start,
            rewards=lambda: ask(lambda side: side.scores(side.look(query, boxes))),
            reward_logits=lambda: ask(lambda side: side.logits(side.look(query, boxes))),
            random=random_of(self.options.seed, b"candidates", query_bytes(query)),
            options=self.options,
        )


def _options(options: AdaptOptions, changes: dict[str, Any]) -> AdaptOptions:
    views = changes.get("views")
    if isinstance(views, int):
        changes = {**changes, "views": replace(options.views, count=views)}
    unknown = changes.keys() - AdaptOptions.__dataclass_fields__.keys()
    if unknown:
        raise SpecError(f"an adapter has no choice {sorted(unknown)[0]!r}. See vlmrm.rlcf.AdaptOptions.")
    return replace(options, **changes)


def _require_candidates(options: AdaptOptions, classes: int) -> None:
    if options.candidates is not None and options.candidates > classes:
        raise SpecError(
            f"{options.candidates} candidates are more than the {classes} answers. Take fewer, or None for all."
        )
