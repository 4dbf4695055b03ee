"""`ClipClassifier`: zero-shot classification with any encoder, which adaptation begins from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vlmrm.encoders import load_encoder
from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import PromptError
from vlmrm.rlcf.zero_shot import AmongSentences


@dataclass(frozen=True, eq=False)
class ClipClassifier(AmongSentences):
    """An encoder and one sentence for each class: the class whose sentence is nearest to a picture is the answer.

    Raises:
        PromptError: A class name is empty or there twice, there are fewer than 2, or the template has no ``{}``.

    Example:
        >>> import torch
        >>> poles = ClipClassifier.load("sim-s", ["stands upright", "hangs down"], template="the pole {}")
        >>> poles.sentences, poles.logits(torch.zeros(3, 96, 96, 3, dtype=torch.uint8)).shape
        (('the pole stands upright', 'the pole hangs down'), torch.Size([3, 2]))
    """

    encoder: Encoder
    """What embeds pictures and sentences."""
    classes: tuple[str, ...]
    """Names of the classes; the order is that of the columns of all logits."""
    template: str = "a photo of a {}."
    """Sentence with ``{}`` where the class goes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))
        require_classes(self.classes)
        require_template(self.template)

    @classmethod
    def load(
        cls,
        name: str,
        classes: Sequence[str],
        template: str = "a photo of a {}.",
        *,
        device: str | None = None,
        precision: str | None = None,
    ) -> "ClipClassifier":
        """Return the classifier of an encoder's name; see `vlmrm.encoders.load_encoder`."""
        return cls(load_encoder(name, device=device, precision=precision), tuple(classes), template)

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """The sentence of each class."""
        return tuple(self.template.replace("{}", name) for name in self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.classes

    def said(self) -> Mapping[str, Any]:
        """Return template and classes."""
        return {"template": self.template, "classes": list(self.classes)}


def require_classes(classes: Sequence[str]) -> None:
    """Refuse classes that cannot be told apart by name.

    Args:
        classes: Names.

    Raises:
        PromptError: One is empty or there twice, or there are fewer than 2.
    """
    if len(classes) < 2:
        raise PromptError(f"a classifier has at least 2 classes; got {list(classes)}.")
    for name in classes:
        if not isinstance(name, str) or not name.strip():
            raise PromptError(f"a class has a name; got {name!r} at place {list(classes).index(name)}.")
    twice = [name for name, count in Counter(classes).items() if count > 1]
    if twice:
        raise PromptError(f"classes with one name cannot be told apart: {twice[:5]}. Give each a name of its own.")


def require_template(template: str) -> None:
    """Refuse a sentence that says nothing of the class.

    Args:
        template: Sentence.

    Raises:
        PromptError: It has not exactly one ``{}``.
    """
    if template.count("{}") != 1:
        raise PromptError(f"a template has one {{}}, where the class goes, as 'a photo of a {{}}.'; got {template!r}.")
