"""What can be answered, as plain values that another process and a file can hold: classes, texts or pictures."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError
from vlmrm.rlcf.classifier import ClipClassifier
from vlmrm.rlcf.galleries import PictureGallery, TextGallery
from vlmrm.rlcf.labelled import Asked
from vlmrm.rlcf.zero_shot import ZeroShot


class AnswerSet(ABC):
    """The possible answers."""

    @property
    @abstractmethod
    def count(self) -> int:
        """Number of answers, for which no model is loaded."""

    @abstractmethod
    def zero_shot(self, encoder: Encoder) -> ZeroShot:
        """Return the model that an encoder and these answers make."""

    def classifier(self, encoder: Encoder) -> ClipClassifier:
        """Return the classifier that they make, for methods that know classes and templates.

        Raises:
            SpecError: The answers are no classes.
        """
        raise SpecError("this method classifies pictures, and the answers are a gallery. Leave it out.")


@dataclass(frozen=True)
class Classes(AnswerSet):
    """Classes, each with one sentence."""

    names: Sequence[str]
    """Names of the classes."""
    template: str = "a photo of a {}."
    """Sentence with ``{}`` where the class goes."""

    @property
    def count(self) -> int:
        """Number of classes."""
        return len(self.names)

    def zero_shot(self, encoder: Encoder) -> ClipClassifier:
        """Return the classifier."""
        return self.classifier(encoder)

    def classifier(self, encoder: Encoder) -> ClipClassifier:
        """Return the classifier."""
        return ClipClassifier(encoder, tuple(self.names), self.template)


@dataclass(frozen=True)
class Texts(AnswerSet):
    """Texts, which pictures are asked about."""

    texts: Sequence[str]
    """The texts that are searched."""

    @property
    def count(self) -> int:
        """Number of texts."""
        return len(self.texts)

    def zero_shot(self, encoder: Encoder) -> TextGallery:
        """Return the gallery."""
        return TextGallery(encoder, self.texts)


@dataclass(frozen=True, eq=False)
class Pictures(AnswerSet):
    """Pictures, which texts are asked about."""

    pictures: Asked
    """The pictures, at full size."""

    @property
    def count(self) -> int:
        """Number of pictures."""
        return len(self.pictures)

    def zero_shot(self, encoder: Encoder) -> PictureGallery:
        """Return the gallery."""
        return PictureGallery(encoder, self.pictures)
