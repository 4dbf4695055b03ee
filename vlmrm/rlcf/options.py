"""What adaptation does, as values; and the published settings by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vlmrm.errors import SpecError, near_matches
from vlmrm.rlcf.advantages import require_baseline
from vlmrm.rlcf.candidates import require_choice
from vlmrm.rlcf.views import ViewOptions
from vlmrm.rlcf.writing import Writing

_WORDS: Mapping[str, tuple[str, ...]] = {
    "decay_to": ("start", "zero"),
    "reward_sees": ("picture", "views"),
    "reset": ("episode", "ema", "never"),
}
TUNED = ("prompt", "image", "norm", "lora", "text", "mapper", "captioner")
"""What can be tuned, by name (``mapper``: of a captioner; ``captioner``: its language model as well); a function that
says whether a parameter of this name is tuned does as well."""


@dataclass(frozen=True, kw_only=True)
class AdaptOptions:
    """The choices of an episode. The defaults are RLCF's for the image tower, without decay and on whole pictures.

    Raises:
        SpecError: A value is impossible.

    Example:
        >>> AdaptOptions(steps=8, candidates=10).baseline
        'mean'
    """

    method: str = "rlcf"
    """The loss, by name: see `vlmrm.rlcf.methods.METHODS`."""
    tune: str | Callable[[str], bool] = "image"
    """One of `TUNED`, or a function of a parameter's name."""
    steps: int = 3
    """Steps of the optimiser in each episode."""
    learning_rate: int | float = 1e-5
    """Step size of AdamW: Adam's first step has this size whatever the loss, so that it is the trust region."""
    decay: int | float = 0.0
    """Share of the learning rate by which weights shrink in each step, as AdamW does it."""
    decay_to: str = "start"
    """Where they shrink to: ``start``, the weights that an episode begins with, or ``zero``, as published."""
    eps: int | float = 1e-8
    """Least divisor of Adam's step: gradients far below it move nothing."""
    candidates: int | None = 3
    """Number of answers that are tried. None: all."""
    choice: str = "top"
    """How they are chosen: ``top``, ``gumbel`` or ``all``."""
    baseline: str = "mean"
    """What is taken off their rewards: ``mean``, ``loo``, ``group`` or ``none``."""
    reward_sees: str = "picture"
    """``picture``, whole and at its own resolution, or the ``views`` that the policy is tuned on, as published."""
    views: ViewOptions = field(default_factory=ViewOptions)
    """The views of a picture."""
    rivals: str | None = None
    """Whether answers compete in the reward: ``texts``, or ``pictures`` where pictures answer, puts each one among all
    others, for heads that allow it. None: each is scored by itself."""
    reset: str = "episode"
    """Where the next episode begins: at the start (``episode``), at a slow mean of the adapted weights (``ema``), or
    where the last one ended (``never``)."""
    batch_statistics: bool = False
    """Whether BatchNorms use the statistics of the views while they are tuned, as TENT does. Without it they are
    evaluated as the model was trained."""
    words: int = 4
    """Number of learned words where the template has no words before the class."""
    coop: str | None = None
    """File of CoOp's learned words, which ``prompt`` begins with in the place of the template's. None: its own."""
    writing: Writing = field(default_factory=lambda: Writing(beams=5))
    """How a captioner writes its caption after the episode."""
    drawn: bool = False
    """Whether a captioner's candidates are drawn by chance, with the temperature and ``top_p`` of ``writing``, in the
    place of its likeliest captions by beam search."""
    rank: int = 4
    """Rank of the changes of ``lora``."""
    ema: int | float = 0.9998
    """Share of itself that the slow mean keeps with each episode of ``ema``."""
    ema_every: int = 64
    """Number of episodes after which the start is taken from the slow mean."""
    ema_weight: int | float = 1.0
    """Share of the slow mean in the new start; the rest are the model's own weights."""
    diversity: int | float = 50.0
    """Weight of the spread of the sentences' embeddings in the loss of ``c_tpt``."""
    seed: int = 0
    """Decides views, candidates and first numbers of ``lora``."""

    def __post_init__(self) -> None:
        for name, known in _WORDS.items():
            given = getattr(self, name)
            if given not in known:
                raise SpecError(f"{name} is one of {known}; got {given!r}. Near: {near_matches(given, known)}.")
        if self.coop is not None and self.tune != "prompt":
            raise SpecError(f"coop holds learned words, which tune='prompt' tunes; got tune={self.tune!r}.")
        if not callable(self.tune) and self.tune not in TUNED:
            raise SpecError(f"tune is one of {TUNED} or a function; got {self.tune!r}.")
        require_choice(self.choice)
        require_baseline(self.baseline, self.candidates)
        small = {"steps": self.steps, "words": self.words, "rank": self.rank, "ema_every": self.ema_every}
        small |= {} if self.candidates is None else {"candidates": self.candidates}
        for name, value in small.items():
            if value < 1:
                raise SpecError(f"{name} is at least 1; got {value!r}.")
        if not self.learning_rate > 0 or not self.eps > 0 or self.decay < 0:
            raise SpecError(f"learning_rate and eps are above 0, decay at least 0; got {self}.")
        if not (0 <= self.ema <= 1 and 0 <= self.ema_weight <= 1):
            raise SpecError(f"ema and ema_weight lie in 0 to 1; got {self.ema!r} and {self.ema_weight!r}.")


_PUBLISHED: dict[str, Any] = {"steps": 3, "candidates": 3, "decay": 5e-4, "decay_to": "zero", "reward_sees": "views"}
_RETRIEVAL: dict[str, Any] = {
    **_PUBLISHED,
    "steps": 8,
    "learning_rate": 1e-6,
    "eps": 1e-6,
    "views": ViewOptions(count=1, keep=1.0, smallest=1.0, flip=False),
}
_TAB: dict[str, Any] = {"steps": 8, "views": _RETRIEVAL["views"]}
_CAPTION: dict[str, Any] = {"tune": "mapper", "steps": 4, "eps": 1e-6, "views": _RETRIEVAL["views"]}
_SIM = ViewOptions(smallest=0.8, flip=False)  # a pose that is cut is another pose, and classes say left and right

PRESETS: Mapping[str, AdaptOptions] = {
    "image": AdaptOptions(tune="image", learning_rate=1e-5, **_PUBLISHED),
    "prompt": AdaptOptions(tune="prompt", learning_rate=7e-3, **_PUBLISHED),
    "prompt_fine_grained": AdaptOptions(tune="prompt", learning_rate=7e-3, **{**_PUBLISHED, "steps": 5}),
    "text_to_image": AdaptOptions(tune="text", **{**_RETRIEVAL, "candidates": 12}),
    "image_to_text": AdaptOptions(tune="image", **{**_RETRIEVAL, "candidates": 20}),
    "image_to_text_flickr30k": AdaptOptions(tune="image", **{**_RETRIEVAL, "candidates": 16}),
    "cap_dec": AdaptOptions(candidates=6, learning_rate=5e-6, **_CAPTION),
    "cap_dec_nocaps": AdaptOptions(candidates=6, learning_rate=3e-6, **_CAPTION),
    "clip_cap": AdaptOptions(candidates=10, learning_rate=2e-6, **_CAPTION),
    "tpt": AdaptOptions(method="tpt", tune="prompt", steps=1, learning_rate=5e-3),
    "sim_image": AdaptOptions(tune="image", learning_rate=1e-3, views=_SIM),
    "tab_image_to_text": AdaptOptions(tune="image", learning_rate=1e-3, candidates=20, rivals="texts", **_TAB),
    "tab_text_to_image": AdaptOptions(tune="text", learning_rate=3e-4, candidates=12, rivals="pictures", **_TAB),
    "tab_caption": AdaptOptions(
        candidates=6,
        learning_rate=1e-4,
        writing=Writing(beams=5, most_tokens=30),
        **{**_CAPTION, "tune": "captioner", "steps": 8},
    ),
    "sim_tpt": AdaptOptions(method="tpt", tune="prompt", steps=1, learning_rate=5e-3, views=_SIM),
}
"""Settings by name: those published of RLCF and TPT for CLIP models, and those that suit the built-in ones, which for
retrieval take a softmax reward."""


def preset(name: str) -> AdaptOptions:
    """Return settings by name.

    Raises:
        SpecError: There are none of this name.
    """
    if name not in PRESETS:
        raise SpecError(f"no preset {name!r}. Near: {near_matches(name, PRESETS)}.")
    return PRESETS[name]
