"""`Adapter`: one picture at a time, a model is tuned by a reward for a few steps, asked, and put back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.towers.state import TowerState
from vlmrm.errors import FrameError, SpecError
from vlmrm.frames.batch import as_frames
from vlmrm.rewards import RewardModel
from vlmrm.rlcf.answer import Answer, Logits
from vlmrm.rlcf.classifier import ClipClassifier
from vlmrm.rlcf.controls import BothSides
from vlmrm.rlcf.episode import Episode, run_steps
from vlmrm.rlcf.guard import Guard
from vlmrm.rlcf.methods import ASK_REWARD, Evidence, find_method
from vlmrm.rlcf.options import AdaptOptions
from vlmrm.rlcf.policy import PictureSight, Sentences, TunedEncoder
from vlmrm.rlcf.reward_side import SentenceRewards, require_another_model
from vlmrm.rlcf.start import Start
from vlmrm.rlcf.views import Box, draw_boxes, most_confident, picture_bytes, random_of
from vlmrm.types import Frames


@dataclass(eq=False)
class Tuned:
    """A classifier while it is adapted to one picture."""

    adapter: "Adapter"
    """What adapted it."""
    episode: Episode
    """What happened in the episode."""

    def predict(self, images: Any) -> Logits:
        """Return the logits of pictures by the adapted classifier."""
        return self.adapter.logits_now(as_frames(images))

    def controls(self, image: Any) -> dict[str, Logits]:
        """Return what stands beside the answer to a picture, without a gradient; see `vlmrm.rlcf.controls`.

        Args:
            image: One RGB picture at full size.

        Raises:
            SpecError: There is no reward.
        """
        adapter = self.adapter
        if adapter.reward is None:
            raise SpecError("the controls compare with a reward. Give the adapter one.")
        count = adapter.options.candidates or len(adapter.classifier.classes)
        sides = BothSides(adapter.classifier, adapter.reward, rivals=adapter.options.rivals)
        return {name: logits[None] for name, logits in sides.of(as_frames(image)).controls(count).items()}


class Adapter:
    """Adapts a classifier to single pictures by a reward (RLCF), or by one of the losses that compete with it.

    For each picture the classifier starts from the same weights, so that no picture changes the answer to another,
    unless ``reset`` says otherwise. The classifier that was given stays as it is: the adapter has a copy of its own.
    It works inside a caller's `torch.no_grad` and `torch.inference_mode`, and touches no global random state.

    Args:
        classifier: What is adapted.
        reward: What says how well a sentence fits a picture: its head scores pairs. None: for methods without one.
        options: The choices of an episode; see `vlmrm.rlcf.options.PRESETS`.
        guard: Decides for each picture, before, whether to adapt. None: always.
        self_reward: Allow the reward to be the classifier's own model.
        **changes: Choices other than those of ``options``, by name; ``views`` may be their number.

    Raises:
        SpecError: The method or the guard needs a reward and there is none, it has no pairs, or it is the classifier's
            own model; or a choice is impossible.
        EncoderError: The classifier is no model of OpenCLIP, or has nothing of the kind to tune.

    Example:
        >>> from vlmrm import RewardModel, RewardSpec
        >>> poles = ClipClassifier.load("random:sim-xs", ["stands upright", "hangs down"], template="the pole {}")
        >>> reward = RewardModel.from_spec(RewardSpec.clip_score("random:sim-s"))
        >>> adapter = Adapter(poles, reward, tune="image", learning_rate=1e-3, candidates=2, views=8)
        >>> with adapter(torch.zeros(64, 64, 3, dtype=torch.uint8)) as tuned:
        ...     tuned.predict(torch.zeros(64, 64, 3, dtype=torch.uint8)).shape
        torch.Size([1, 2])
    """

    def __init__(
        self,
        classifier: ClipClassifier,
        reward: RewardModel | None = None,
        *,
        options: AdaptOptions | None = None,
        guard: Guard | None = None,
        self_reward: bool = False,
        **changes: Any,
    ) -> None:
        self.classifier, self.reward, self.guard = classifier, reward, guard
        self.options = _options(options or AdaptOptions(), changes)
        """The choices of an episode."""
        self._method = find_method(self.options.method)
        _require_candidates(self.options, len(classifier.classes))
        self._rewards: SentenceRewards | None = None
        if self.options.method in ASK_REWARD or guard is not None:
            self._rewards = self._reward_side(reward, self_reward=self_reward)
        self.policy = TunedEncoder(classifier.encoder, self.options, classifier.template)
        """The copy that is tuned, and what of it."""
        self._sentences = Sentences(self.policy, classifier.sentences)
        self._state = TowerState(self.policy.encoder.model, self.policy.parameters)
        self._start = Start(self.policy.parameters, self.options)
        self._busy = False

    def _reward_side(self, reward: RewardModel | None, *, self_reward: bool) -> SentenceRewards:
        if reward is None:
            raise SpecError(f"the method {self.options.method!r}, or the guard, needs a reward. Give the adapter one.")
        require_another_model(self.classifier.encoder, reward, self_reward=self_reward)
        sees, rivals = self.options.reward_sees, self.options.rivals
        return SentenceRewards(reward, self.classifier.sentences, sees=sees, rivals=rivals)

    def reset(self) -> None:
        """Begin anew, as for another set of pictures: matters where ``reset`` is ``ema`` or ``never``."""
        self._start.forget()

    @contextmanager
    def __call__(self, image: Any, *, trace: bool = False) -> Iterator[Tuned]:
        """Adapt to one picture, until the end of the context.

        Args:
            image: One RGB picture at full size.
            trace: Also keep the logits of the whole picture after each step.

        Raises:
            FrameError: It is not one picture.
            SpecError: The adapter is at work on another one.
        """
        picture = as_frames(image)
        if len(picture) != 1:
            raise FrameError(f"an episode has one picture; got {len(picture)}. Use adapter.predict for several.")
        if self._busy:
            raise SpecError("this adapter is at work on another picture. Leave its context first, or make another.")
        self._busy = True
        try:
            with torch.inference_mode(False):
                tuned = self._adapt(picture.clone(), trace)
            yield tuned
            if tuned.episode.adapted and not tuned.episode.dropped:
                self._start.learn(self.policy.parameters)
        finally:
            self._state.put_back()
            self._busy = False

    def predict(self, images: Any) -> Logits:
        """Return the logits of pictures, each after an episode of its own.

        Args:
            images: Pictures of one size.
        """
        rows = []
        for picture in as_frames(images):
            with self(picture[None]) as tuned:
                rows.append(tuned.predict(picture[None]))
        return torch.cat(rows)

    def answer(self, picture: Frames, *, trace: bool = False) -> Answer:
        """Return the answer to one picture, after an episode of its own; see `vlmrm.rlcf.answer.Answerer`."""
        with self(picture, trace=trace) as tuned:
            return Answer(tuned.predict(picture)[0], tuned.episode)

    def logits_now(self, pictures: Frames) -> Logits:
        """Return the logits of pictures by the weights as they are now."""
        with torch.inference_mode(False), torch.no_grad():
            encoder = self.policy.encoder
            self.policy.use_own_statistics()
            seen = encoder.embed_frames(pictures)
            logits: Logits = self.policy.scale * seen @ self._sentences.embedded().T + encoder.logit_bias
            return logits.cpu()

    def _adapt(self, picture: Frames, trace: bool) -> Tuned:
        options, policy = self.options, self.policy
        self._start.put(policy.parameters)
        boxes = draw_boxes(picture, options.views, options.seed)
        sight = PictureSight.of(policy, picture, boxes, self._sentences)
        with torch.no_grad():
            views = sight.logits()
        before = views[0].cpu()
        if self.guard is not None and not self.guard.adapts(before, self._rewards, picture):
            return Tuned(self, Episode(adapted=False, before=before))
        rows = most_confident(views, options.views.kept)
        evidence = self._evidence(picture, [boxes[int(row)] for row in rows], views[rows])
        after = (lambda: self.logits_now(picture)[0]) if trace else None
        episode = run_steps(policy, sight, rows, self._method(evidence), options, after)
        episode.before = before
        if episode.dropped:
            self._start.put(policy.parameters)
        return Tuned(self, episode)

    def _evidence(self, picture: Frames, boxes: Sequence[Box], start: Float[Tensor, "r k"]) -> Evidence:
        def ask(what: Callable[[SentenceRewards], Tensor]) -> Tensor:
            if self._rewards is None:
                raise SpecError(f"the method {self.options.method!r} needs a reward. Give the adapter one.")
            return what(self._rewards).to(start.device).expand(len(boxes), -1)

        return Evidence(
            start=start,
            rewards=lambda: ask(lambda side: side.scores(side.look(picture, boxes))),
            reward_logits=lambda: ask(lambda side: side.logits(side.look(picture, boxes))),
            random=random_of(self.options.seed, b"candidates", picture_bytes(picture)),
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
