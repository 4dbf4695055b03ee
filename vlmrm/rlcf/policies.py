"""What an `Adapter` needs of a model: a copy that can be tuned, and what it makes of one query.

`Adaptable`   a model that can be adapted: it reads queries, and makes a policy
`Policy`      the copy, the parameters that may move, and what it says as it is now
`Opened`      one query at the beginning of its episode: whether to adapt, and the loss of each step
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from vlmrm.errors import SpecError
from vlmrm.rewards import RewardModel
from vlmrm.rlcf.episode import Episode
from vlmrm.rlcf.guard import Guard
from vlmrm.rlcf.options import AdaptOptions


@dataclass(frozen=True, kw_only=True, eq=False)
class Asking:
    """What an adapter was asked to do."""

    options: AdaptOptions
    """The choices of an episode."""
    reward: RewardModel | None = None
    """What adapts. None: a loss without a reward."""
    guard: Guard | None = None
    """What decides before whether to adapt. None: nothing does."""
    self_reward: bool = False
    """Whether the reward may be the model itself."""

    def required_reward(self) -> RewardModel:
        """Return the reward.

        Raises:
            SpecError: There is none.
        """
        if self.reward is None:
            raise SpecError(f"the method {self.options.method!r}, or the guard, needs a reward. Give the adapter one.")
        return self.reward


class Opened(ABC):
    """One query at the beginning of its episode."""

    before: Any
    """What the model says of the whole query before it is adapted."""

    @abstractmethod
    def allowed(self, guard: Guard) -> bool:
        """Return whether a guard lets the model be adapted to the query."""

    @abstractmethod
    def begin(self) -> None:
        """Ask the reward, and choose what stays for the whole episode."""

    @abstractmethod
    def loss(self) -> Float[Tensor, ""]:
        """Return what the next step makes smaller, with its graph."""


class Policy(ABC):
    """A copy of a model that can be tuned."""

    parameters: list[nn.Parameter]
    """What may move."""

    @property
    @abstractmethod
    def module(self) -> nn.Module:
        """Everything that an episode may touch."""

    @abstractmethod
    def open(self, query: Any) -> Opened:
        """Return a query at the beginning of its episode.

        Args:
            query: A batch of one.
        """

    @abstractmethod
    def say(self, queries: Any) -> Any:
        """Return what the weights as they are now say of queries."""

    @abstractmethod
    def answer(self, said: Any, episode: Episode) -> Any:
        """Return the record of an episode.

        Args:
            said: What was said of the one query, as `say` returns it.
            episode: What happened.
        """

    @abstractmethod
    def together(self, answers: Sequence[Any]) -> Any:
        """Return the answers to several queries in the form of `say`."""


@runtime_checkable
class Adaptable(Protocol):
    """A model that can be adapted."""

    def read(self, queries: Any) -> Any:
        """Return queries in the form that a policy takes."""

    def policy(self, asking: Asking) -> Policy:
        """Return a copy that can be tuned; this model stays as it is."""

    def controls(self, query: Any, asking: Asking) -> Mapping[str, Any]:
        """Return what stands beside the answer to a query, without a gradient.

        Args:
            query: A batch of one.
            asking: What an adapter was asked to do.
        """
