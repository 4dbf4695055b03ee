"""How a captioner is adapted to one picture: RLCF's captions (ICLR 2024, arXiv 2305.18010, section 3.4).

In each step the captioner writes K captions anew, the reward says how well each fits the picture, and

    loss = mean_k A_k · CE(caption k),     A = rewards less their baseline,   CE = mean over the caption's own tokens

makes those more likely that are better than the others. Only the mapper moves, where nothing else is said;
with ``tune="captioner"`` the language model moves as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vlmrm.errors import SpecError
from vlmrm.rewards import RewardModel
from vlmrm.rlcf.advantages import BASELINES
from vlmrm.rlcf.captions.protocol import Captioner, Captions, mean_surprise
from vlmrm.rlcf.episode import Episode
from vlmrm.rlcf.guard import Guard
from vlmrm.rlcf.options import AdaptOptions
from vlmrm.rlcf.policies import Asking, Opened, Policy
from vlmrm.rlcf.reward_side import SentenceRewards, require_another_model
from vlmrm.rlcf.views import picture_bytes, random_of
from vlmrm.rlcf.writing import Writing
from vlmrm.types import Frames


@dataclass(frozen=True, eq=False)
class Described:
    """The caption of one picture, and how it came about."""

    caption: str
    """What was written about the picture."""
    episode: Episode
    """What adaptation did; its answers are captions."""


class CaptionPolicy(Policy):
    """A copy of a captioner of which some parts can be tuned.

    Args:
        captioner: What is copied.
        asking: What the adapter was asked to do.

    Raises:
        SpecError: The method is not RLCF's, or there is no reward, or it is the captioner's own encoder.
        EncoderError: The captioner has nothing of the kind to tune.
    """

    def __init__(self, captioner: Captioner, asking: Asking) -> None:
        self.options, self.reward = asking.options, asking.required_reward()
        require_caption_options(self.options)
        encoder = captioner.sees_with
        if encoder is not None:
            require_another_model(encoder, self.reward, self_reward=asking.self_reward)
        parts = {"mapper": captioner.usually_tuned, "captioner": _ALL}
        tune = self.options.tune if callable(self.options.tune) else parts[self.options.tune]
        self.captioner, self.parameters = captioner.copied(tune)
        """The copy, and what may move."""

    @property
    def module(self) -> nn.Module:
        """All weights of the copy."""
        return self.captioner.model

    def open(self, query: Frames) -> "OpenedCaptions":
        """Look at a picture."""
        return OpenedCaptions(self, query.clone())

    def say(self, queries: Frames) -> tuple[str, ...]:
        """Return the captions of pictures by the weights as they are now."""
        with torch.inference_mode(False), torch.no_grad():
            return self.captioner.write(self.captioner.see(queries.clone()), self.options.writing).texts

    def answer(self, said: Sequence[str], episode: Episode) -> Described:
        """Return the caption of the one picture, and what happened."""
        return Described(said[0], episode)

    def together(self, answers: Sequence[Described]) -> tuple[str, ...]:
        """Return the captions of several pictures."""
        return tuple(one.caption for one in answers)


class OpenedCaptions(Opened):
    """One picture, and a reward of captions of it.

    Args:
        policy: What is adapted.
        picture: A batch of one.
    """

    def __init__(self, policy: CaptionPolicy, picture: Frames) -> None:
        self._policy, self._picture = policy, picture
        self._seen = policy.captioner.see(picture)
        self._step = 0
        self.before: str = policy.captioner.write(self._seen, policy.options.writing).texts[0]
        """The caption before."""

    def allowed(self, guard: Guard) -> bool:
        """Return whether a guard lets the captioner be adapted: it looks at the captions of the first step."""
        options, captioner = self._policy.options, self._policy.captioner
        captions = captioner.write(self._seen, candidates_of(options))
        with torch.no_grad():
            likely = captioner.log_probabilities(_rows(self._seen, captions), captions).sum(dim=1).cpu()
        sentences = [text or _BLANK for text in captions.texts]
        rewards = SentenceRewards(self._policy.reward, sentences, sees="picture", rivals=options.rivals)
        return guard.adapts(likely, rewards, self._picture)

    def begin(self) -> None:
        """Ask what the reward sees in the picture."""
        self._reward = CaptionReward(self._policy.reward, self._picture, rivals=self._policy.options.rivals)

    def loss(self) -> Float[Tensor, ""]:
        """Return the loss over captions that are written anew."""
        options, captioner = self._policy.options, self._policy.captioner
        seed = random_of(options.seed, b"captions %d" % self._step, picture_bytes(self._picture)).initial_seed()
        captions = captioner.write(self._seen, candidates_of(options), seed=seed)
        self._step += 1
        rewards = self._reward(captions.texts)
        advantages = BASELINES[options.baseline](rewards[None])[0].to(captioner.device)
        surprise = mean_surprise(captioner.log_probabilities(_rows(self._seen, captions), captions), captions)
        return (advantages * surprise).mean()


class CaptionReward:
    """The reward of captions of one picture, which is embedded once.

    Args:
        reward: A reward whose head has pairs.
        picture: A batch of one.
        rivals: As in `RewardModel.score_pairs`: ``texts`` lets the captions compete.

    Raises:
        SpecError: The reward scores no pairs, or pictures are to be rivals.
    """

    def __init__(self, reward: RewardModel, picture: Frames, *, rivals: str | None = None) -> None:
        if rivals == "pictures":
            raise SpecError("captions are of one picture: rivals can be 'texts', not 'pictures'.")
        self._pairs, self._rivals = reward.pairs, rivals
        self._seen = self._pairs.embed_images(picture)

    def __call__(self, captions: Sequence[str]) -> Float[Tensor, " k"]:
        """Return the reward of each; an empty one gets the lowest reward of the others, for it says nothing."""
        said = [caption for caption in captions if caption]
        if not said:
            return torch.zeros(len(captions))
        scores = iter(self._pairs.of_embeddings(self._seen, said, self._rivals)[0])
        rewards = torch.tensor([float(next(scores)) if caption else torch.inf for caption in captions])
        return rewards.where(rewards.isfinite() | rewards.isnan(), rewards.min())

    def best(self, captions: Sequence[str]) -> str:
        """Return the caption of the highest reward; of equal ones the first."""
        return captions[int(self(captions).argmax())]


def caption_control(captioner: Captioner, picture: Frames, asking: Asking, name: str) -> str:
    """Return what stands beside an adapted caption, without a gradient.

    Args:
        captioner: What writes.
        picture: A batch of one.
        asking: What an adapter would do.
        name: ``zero_shot``, the captioner's own; ``best_of_k``, of its K candidates the one of the highest reward; or
            ``reward_only``, the same of as many drawn by chance as adaptation looks at in all its steps.
    """
    options, seen = asking.options, captioner.see(picture)
    if name == "zero_shot":
        return captioner.write(seen, options.writing).texts[0]
    reward = CaptionReward(asking.required_reward(), picture, rivals=options.rivals)
    if name == "best_of_k":
        return reward.best(captioner.write(seen, candidates_of(options)).texts)
    seed = random_of(options.seed, b"reward only", picture_bytes(picture)).initial_seed()
    many = replace(candidates_of(options), count=(options.candidates or 1) * options.steps, beams=None, sampled=True)
    return reward.best(captioner.write(seen, many, seed=seed).texts)


CAPTION_CONTROLS = ("zero_shot", "best_of_k", "reward_only")
"""Names of what `caption_control` returns."""


def candidates_of(options: AdaptOptions) -> Writing:
    """Return how the candidates of a step are written.

    Args:
        options: The choices of an episode.
    """
    return replace(options.writing, count=options.candidates or 1, beams=options.candidates, sampled=options.drawn)


def require_caption_options(options: AdaptOptions) -> None:
    """Refuse choices that captions have not.

    Args:
        options: The choices of an episode.

    Raises:
        SpecError: The method is another, all captions are asked for, or the reward is to see views.
    """
    if options.method != "rlcf":
        raise SpecError(f"captions are adapted by the method 'rlcf'; got {options.method!r}.")
    if options.candidates is None or options.choice != "top":
        raise SpecError("there is no end of captions: give a number of candidates, and choice='top' (or drawn=True).")
    if options.reward_sees != "picture":
        raise SpecError(f"the reward of captions sees the whole picture; got reward_sees={options.reward_sees!r}.")
    if not callable(options.tune) and options.tune not in ("mapper", "captioner"):
        raise SpecError(
            f"of a captioner tune='mapper', 'captioner' or a function of a name is tuned; got {options.tune!r}."
        )


_BLANK = "."
_ALL = ""  # names of all parameters begin with it


def _rows(seen: Any, captions: Captions) -> Any:
    return seen.expand(len(captions.texts), *seen.shape[1:])
