"""`TransformOptions`: what every record of a transform says of itself, so that nobody else need know its word."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from vlmrm.rewards.protocols import Context


@dataclass(frozen=True, kw_only=True)
class TransformOptions:
    """Base class for the options of what changes the score of a frame, or how a frame is read."""

    kind: ClassVar[str] = ""
    """Name of the kind, where a word has several, for `refuses`."""
    rescales: ClassVar[bool] = False
    """Whether scores leave the range of the head."""
    names_a_score: ClassVar[bool] = False
    """Whether an option is a score, and so means nothing for scores of another scale."""
    passes_gradients: ClassVar[bool] = True
    """Whether the gradient of the score reaches the pixels of the one frame through it."""
    asks_a_model: ClassVar[bool] = False
    """Whether a model beside the encoder is asked about frames at full size, which takes seconds for each."""
    pairs: ClassVar[str | None] = None
    """Why pairs of pictures and texts cannot be scored with it; None: they can, score by score."""
    refuses: ClassVar[Mapping[str, str]] = {}
    """Other words of a spec that this one cannot stand beside, each with the reason."""

    @property
    def of_sentences(self) -> bool:
        """Whether it is about the goal sentences, and so goes where pictures replace them."""
        return False

    @property
    def reads_goal(self) -> bool:
        """Whether all scores are still those of the goal sentences of the spec."""
        return True

    @property
    def pictures_in_frame(self) -> int:
        """How many pictures it takes to lie side by side in each frame."""
        return 1

    def copied_to(self, folder: Path) -> "TransformOptions":
        """Return the same with a copy in a folder of the file that it is read from; of no file, itself."""
        return self

    def check(self, spec: Any) -> None:
        """Refuse a spec that does not fit, by a SpecError."""

    def apply(self, context: Context) -> Context:
        """Return the context with this part added."""
        raise NotImplementedError
