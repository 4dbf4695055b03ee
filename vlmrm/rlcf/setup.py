"""`Setup`: policy, reward and methods as plain values, which another process can make and a file can hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from vlmrm.encoders import load_encoder
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.towers.coop_file import read_coop
from vlmrm.errors import SpecError, near_matches
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.rewards.heads.auto_clip import with_templates
from vlmrm.rlcf.adapter import Adapter
from vlmrm.rlcf.answer import Answer, Answerer
from vlmrm.rlcf.answer_sets import AnswerSet
from vlmrm.rlcf.classifier import ClipClassifier
from vlmrm.rlcf.controls import CONTROLS, BothSides, Control, own_reward
from vlmrm.rlcf.guard import Guard
from vlmrm.rlcf.labelled import Labelled, Labels, checked_labels
from vlmrm.rlcf.options import TUNED, AdaptOptions
from vlmrm.rlcf.results import MethodResult, QueryResult, result_of
from vlmrm.rlcf.training_free import AutoClip, Mta, Tda, TemplateMean, Zero
from vlmrm.rlcf.views import ViewOptions
from vlmrm.rlcf.zero_shot import ZeroShot


@dataclass(frozen=True, kw_only=True)
class AdaptedMethod:
    """An adapter, as plain values."""

    options: AdaptOptions
    """The choices of an episode."""
    guard: Guard | None = None
    """What decides before whether to adapt. None: nothing does."""
    self_reward: bool = False
    """Whether the policy's own model is its reward."""

    def __post_init__(self) -> None:
        if callable(self.options.tune):
            raise SpecError(f"what is tuned is said by a name here, one of {TUNED}: a file can hold no function.")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What is compared on the same queries.

    Raises:
        SpecError: There is no method without training of a name.
        PromptError: A method needs templates and there are none, or one is there twice or has not exactly one ``{}``.

    Example:
        >>> import torch
        >>> from vlmrm.rlcf.answer_sets import Classes
        >>> setup = Setup(policy="sim-xs", answers=Classes(("stands upright", "hangs down"), "the pole {}"))
        >>> setup.methods, setup.make("zero_shot").answer(torch.zeros(1, 64, 64, 3, dtype=torch.uint8)).logits.shape
        (['zero_shot'], torch.Size([2]))
    """

    policy: str
    """Name of the policy's encoder."""
    answers: AnswerSet
    """What can be answered."""
    reward: RewardSpec | None = None
    """The reward. None: only methods without one work."""
    adapted: Mapping[str, AdaptedMethod] = field(default_factory=dict)
    """Adapters, by the name that tables give them."""
    training_free: Sequence[str] = ()
    """Methods without training, by name; see `TRAINING_FREE`."""
    templates: Sequence[str] = ()
    """Sentences of ``template_mean`` and ``auto_clip``."""
    rivals: str | None = None
    """Whether answers compete in the reward of the controls; see `AdaptOptions.rivals`."""
    candidates: int = 3
    """Number of answers that ``best_of_k`` and tables look at."""
    views: ViewOptions = field(default_factory=ViewOptions)
    """Views of the methods without training that look at several."""
    seed: int = 0
    """Decides the views of the methods without training."""
    device: str | None = None
    """Device of both models. None: the best there is."""

    def __post_init__(self) -> None:
        for name in self.training_free:
            if name not in TRAINING_FREE:
                raise SpecError(f"no method without training {name!r}. Near: {near_matches(name, TRAINING_FREE)}.")
        if self.templates or not set(OF_TEMPLATES).isdisjoint(self.training_free):
            with_templates(["a class"], self.templates)

    @property
    def methods(self) -> Sequence[str]:
        """Names of all methods, the controls first."""
        controls = CONTROLS if self.reward is not None else CONTROLS[:1]
        return [*controls, *self.training_free, *self.adapted]

    def in_order(self, method: str) -> bool:
        """Return whether the answer to a query depends on the queries before it."""
        adapted = self.adapted.get(method)
        return method == "tda" or (adapted is not None and adapted.options.reset != "episode")

    def protocol(self, method: str) -> dict[str, Any]:
        """Return all that decides a method's answers, as plain values; weights by their fingerprints."""
        said: dict[str, Any] = {"policy": self.policy, "policy_weights": self.encoder.fingerprint}
        if self.reward_model is not None:
            said |= {"reward": self.reward_model.spec.to_dict(), "reward_weights": self.reward_model.fingerprint}
        said |= {**self.zero_shot.said(), "method": method}
        if method in self.adapted:
            coop = self.adapted[method].options.coop
            said |= {} if coop is None else {"coop_words": read_coop(coop).vectors.tolist()}
            return said | asdict(self.adapted[method])
        if method in self.training_free:
            return said | {"templates": list(self.templates), "views": asdict(self.views), "seed": self.seed}
        return said | {"candidates": self.candidates, "rivals": self.rivals}

    @property
    def record(self) -> type[QueryResult]:
        """What is kept of one answer."""
        return QueryResult

    def checked(self, asked: Labelled) -> Labels:
        """Return the right answers to queries, several of each."""
        return checked_labels(asked.queries, asked.labels, self.answers.count)

    def record_of(self, given: Answer, right: Sequence[int]) -> QueryResult:
        """Return what is kept of an answer."""
        return result_of(given, right)

    def gather(self, method: str, each: Sequence[QueryResult], right: Labels) -> MethodResult:
        """Return what a method said of all queries."""
        return MethodResult(name=method, each=each, labels=right)

    def bare(self) -> "Setup":
        """Return the same without the models that were loaded here."""
        return replace(self)

    @cached_property
    def encoder(self) -> Encoder:
        """The policy's encoder, loaded."""
        return load_encoder(self.policy, device=self.device)

    @cached_property
    def zero_shot(self) -> ZeroShot:
        """The policy before adaptation."""
        return self.answers.zero_shot(self.encoder)

    @cached_property
    def classifier(self) -> ClipClassifier:
        """The policy before adaptation, where answers are classes."""
        return self.answers.classifier(self.encoder)

    @cached_property
    def reward_model(self) -> RewardModel | None:
        """The reward, loaded."""
        return None if self.reward is None else RewardModel.from_spec(self.reward, device=self.device)

    def make(self, method: str) -> Answerer:
        """Return a method, ready to answer.

        Args:
            method: One of `methods`.

        Raises:
            SpecError: There is none of this name.
        """
        if method in self.adapted:
            return self._adapter(self.adapted[method])
        if method in self.training_free:
            return TRAINING_FREE[method](self)
        if method not in self.methods:
            raise SpecError(f"no method {method!r}. Near: {near_matches(method, self.methods)}.")
        if self.reward_model is None:
            return self.zero_shot
        return Control(self._sides, method, candidates=self.candidates)

    @cached_property
    def _sides(self) -> BothSides:
        return BothSides(self.zero_shot, _required(self.reward_model), rivals=self.rivals)

    def _adapter(self, method: AdaptedMethod) -> Adapter[ZeroShot]:
        reward = self.reward_model
        if method.self_reward:
            reward = own_reward(self.zero_shot, _required(reward))
        return Adapter(
            self.zero_shot, reward, options=method.options, guard=method.guard, self_reward=method.self_reward
        )


TRAINING_FREE: Mapping[str, Callable[[Setup], Answerer]] = {
    "template_mean": lambda setup: TemplateMean(setup.classifier, setup.templates),
    "auto_clip": lambda setup: AutoClip(setup.classifier, setup.templates),
    "zero": lambda setup: Zero(setup.classifier, setup.views, seed=setup.seed),
    "mta": lambda setup: Mta(setup.classifier, setup.views, seed=setup.seed),
    "tda": lambda setup: Tda(setup.classifier),
}
"""How methods without training are made, by name."""
OF_TEMPLATES = ("template_mean", "auto_clip")
"""Those of them that need templates."""


def _required(model: RewardModel | None) -> RewardModel:
    if model is None:
        raise SpecError("this needs a reward. Give the setup one.")
    return model
