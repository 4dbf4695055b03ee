"""What ``vlmrm adapt`` asks: pictures their classes, or pictures their captions and captions their pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

from vlmrm.cli.adapt_arguments import Adapt
from vlmrm.data.captioned import CaptionedPictures
from vlmrm.data.classified import ClassifiedPictures, read_classes
from vlmrm.data.known_sets import read_known_set
from vlmrm.errors import SpecError, near_matches
from vlmrm.rlcf.answer_sets import AnswerSet, Classes, Pictures, Texts
from vlmrm.rlcf.labelled import Asked, Labelled

_KINDS = ("classify", "retrieve", "caption")


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """Queries with their right answers, among all answers."""

    name: str
    """What files and headings call it. Empty: there is no other."""
    about: str
    """How many of what, as a phrase."""
    asked: Labelled
    """Queries, and the right answers to each."""
    answers: AnswerSet
    """All answers that there are."""
    preset: str
    """Name of the settings that are published for it."""
    names: Sequence[str] = ()
    """Name of each query. Empty: texts name themselves."""
    gallery: Asked | None = None
    """The answers, where they are pictures."""


def problems(given: Adapt) -> Sequence[Problem]:
    """Return what the command asks; two problems where both directions of retrieval are asked.

    Args:
        given: Options of the command.

    Raises:
        SpecError: It is not said what to adapt for, or an option that it needs is missing.
        FrameError: A file is missing or has another form.
    """
    if given.what not in _KINDS:
        raise SpecError(
            f"say what to adapt for: vlmrm adapt classify FOLDER, retrieve or caption; got {given.what!r}. "
            f"Near: {near_matches(given.what, (*_KINDS, 'caption'))}."
        )
    return [_classification(given)] if given.what == "classify" else _retrieval(given)


def _classification(given: Adapt) -> Problem:
    require_no_judge(given)
    if given.captions is not None or given.split or given.direction != "both":
        raise SpecError("--captions, --split and --direction are for vlmrm adapt retrieve. Leave them out.")
    shown = _classified(given)
    if given.per_class is not None:
        shown = shown.sample(given.per_class, seed=given.seed or 0)
    return Problem(
        name="",
        about=f"{len(shown.labels):,} pictures of {len(shown.classes)} classes",
        asked=Labelled(shown.pictures, shown.labels),
        answers=Classes(shown.classes, given.template),
        names=shown.names,
        preset="image",
    )


def _classified(given: Adapt) -> ClassifiedPictures:
    if not given.dataset:
        classes = () if given.classes is None else read_classes(given.classes)
        return ClassifiedPictures.read(given.folder, table=given.labels, classes=classes)
    if given.labels is not None or given.classes is not None:
        raise SpecError(f"the data set {given.dataset} has its own classes. Leave --labels and --classes out.")
    return read_known_set(given.folder, given.dataset, whole=given.per_class is None)


def _retrieval(given: Adapt) -> list[Problem]:
    if given.captions is None:
        raise SpecError("retrieve needs --captions: a CSV file with the columns frame and caption, or a JSON file.")
    unset = (given.labels, given.classes, given.per_class)
    if any(one is not None for one in unset) or given.dataset or given.template != Adapt.template:
        raise SpecError(
            "--labels, --classes, --dataset, --per-class and --template are for vlmrm adapt classify. Leave them out."
        )
    require_no_judge(given)
    shown = CaptionedPictures.read(given.folder, given.captions, split=given.split)
    sizes = f"{len(shown.pictures):,} pictures and {len(shown.captions):,} captions"
    found = [
        Problem(
            name="picture_to_text",
            about=f"{sizes}: the caption of each picture",
            asked=Labelled(shown.pictures, shown.captions_of),
            answers=Texts(shown.captions),
            names=shown.pictures.names,
            preset="image_to_text",
        ),
        Problem(
            name="text_to_picture",
            about=f"{sizes}: the picture of each caption",
            asked=Labelled(shown.captions, shown.pictures_of),
            answers=Pictures(shown.pictures),
            gallery=shown.pictures,
            preset="text_to_image",
        ),
    ]
    return [problem for problem in found if given.direction in ("both", problem.name)]


def require_no_judge(given: Adapt) -> None:
    """Refuse a judge of captions where no captions are written.

    Args:
        given: Options of the command.

    Raises:
        SpecError: There is one.
    """
    if given.judge or given.truths is not None:
        raise SpecError("--judge and --truths are for vlmrm adapt caption. Leave them out.")
