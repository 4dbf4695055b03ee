"""How answers are ranked by a model that is adapted: a query in its views, a reward of each answer, a loss over logits.

What no step changes is embedded once, and the reward is asked only by losses that use it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError
from vlmrm.rlcf.answer import Answer, Logits
from vlmrm.rlcf.episode import Episode
from vlmrm.rlcf.guard import Guard
from vlmrm.rlcf.methods import ASK_REWARD, Evidence, Loss, find_method
from vlmrm.rlcf.options import AdaptOptions
from vlmrm.rlcf.policies import Asking, Opened, Policy
from vlmrm.rlcf.policy import QuerySide, TunedEncoder
from vlmrm.rlcf.reward_side import RewardSide, require_another_model
from vlmrm.rlcf.views import most_confident, query_bytes, random_of


class RankingPolicy(Policy):
    """A copy of an encoder that ranks answers.

    Args:
        encoder: What is copied.
        template: The sentence of classes, whose words can be learned. None: answers are whole.
        side: Makes of the copy what sees queries.
        rewards: Makes what the reward says of queries; called only where it is asked.
        asking: What the adapter was asked to do.

    Raises:
        SpecError: The method or the guard needs a reward and there is none, it has no pairs, or it is the model itself.
        EncoderError: Its encoder is no model of OpenCLIP, or has nothing of the kind to tune.
    """

    def __init__(
        self,
        encoder: Encoder,
        template: str | None,
        side: Callable[[TunedEncoder], QuerySide],
        rewards: Callable[[], RewardSide],
        asking: Asking,
    ) -> None:
        self.options = asking.options
        """The choices of an episode."""
        self._method = find_method(asking.options.method)
        self.rewards: RewardSide | None = None
        """What the reward says, where it is asked."""
        if asking.options.method in ASK_REWARD or asking.guard is not None:
            require_another_model(encoder, asking.required_reward(), self_reward=asking.self_reward)
            self.rewards = rewards()
        self.tuned = TunedEncoder(encoder, asking.options, template)
        """The copy, and what of it is tuned."""
        self.parameters = self.tuned.parameters
        self.side = side(self.tuned)
        """How the copy sees queries."""

    @property
    def encoder(self) -> Any:
        """The copy."""
        return self.tuned.encoder

    @property
    def module(self) -> nn.Module:
        """Both towers of the copy."""
        module: nn.Module = self.tuned.encoder.model
        return module

    def open(self, query: Any) -> "OpenedRanking":
        """Look at a query in its views."""
        return OpenedRanking(self, query)

    def loss_of(self, evidence: Evidence) -> Loss:
        """Return the loss of the method for one episode."""
        return self._method(evidence)

    def say(self, queries: Any) -> Logits:
        """Return the logits of queries by the weights as they are now."""
        with torch.inference_mode(False), torch.no_grad():
            self.tuned.use_own_statistics()
            return self.side.logits(queries).cpu()

    def answer(self, said: Logits, episode: Episode) -> Answer:
        """Return the logits of the one query, and what happened."""
        return Answer(said[0], episode)

    def together(self, answers: Sequence[Answer]) -> Logits:
        """Return one row for each query."""
        return torch.stack([one.logits for one in answers])


class OpenedRanking(Opened):
    """One query in its views, and a reward of each answer.

    Args:
        policy: What is adapted.
        query: A batch of one.
    """

    def __init__(self, policy: RankingPolicy, query: Any) -> None:
        self._policy, self._query = policy, query
        self._sight, self._boxes = policy.side.view(query, policy.options)
        with torch.no_grad():
            self._views = self._sight.logits()
        self.before = self._views[0].cpu()
        """Logits of the whole query."""

    def allowed(self, guard: Guard) -> bool:
        """Return whether a guard lets the model be adapted."""
        return guard.adapts(self.before, self._policy.rewards, self._query)

    def begin(self) -> None:
        """Choose the confident views, and ask the reward where the method does."""
        self._rows = most_confident(self._views, self._policy.options.views.kept)
        boxes = [self._boxes[int(row)] for row in self._rows]
        start = self._views[self._rows]

        def ask(what: Callable[[RewardSide], Tensor]) -> Float[Tensor, "r k"]:
            rewards = self._policy.rewards
            if rewards is None:
                raise SpecError(f"the method {self._policy.options.method!r} needs a reward. Give the adapter one.")
            return what(rewards).to(start.device).expand(len(boxes), -1)

        self._loss = self._policy.loss_of(
            Evidence(
                start=start,
                rewards=lambda: ask(lambda side: side.scores(side.look(self._query, boxes))),
                reward_logits=lambda: ask(lambda side: side.logits(side.look(self._query, boxes))),
                random=random_of(self._policy.options.seed, b"candidates", query_bytes(self._query)),
                options=self._policy.options,
            )
        )

    def loss(self) -> Float[Tensor, ""]:
        """Return the loss of the chosen views."""
        if self._policy.options.batch_statistics:
            self._policy.tuned.use_batch_statistics()  # in each step: whoever looked in between was answered without
        return self._loss(self._sight.logits(self._rows), self._sight)


def require_candidates(options: AdaptOptions, answers: int) -> None:
    """Refuse more candidates than there are answers.

    Args:
        options: The choices of an episode.
        answers: Number of answers.

    Raises:
        SpecError: There are fewer answers.
    """
    if options.candidates is not None and options.candidates > answers:
        raise SpecError(
            f"{options.candidates} candidates are more than the {answers} answers. Take fewer, or None for all."
        )
