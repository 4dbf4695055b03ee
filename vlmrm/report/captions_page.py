"""The page of a `vlmrm.report.CaptionReport`: tables, curves, and captions with their facts marked."""

from collections.abc import Sequence
from dataclasses import dataclass

from vlmrm.data.caption_judge import Mark
from vlmrm.frames.batch import as_frames
from vlmrm.metrics import Estimate
from vlmrm.report.adaptation_page import Row, settings_by_path
from vlmrm.report.captions_measures import REWARD
from vlmrm.report.captions_numbers import USUAL, CaptionNumbers
from vlmrm.report.page import fill
from vlmrm.report.plots import draw_gains, draw_steps, picture_data
from vlmrm.report.words import percent, signed

_MOST, _PICTURE_PX = 8, 240
Piece = tuple[str, str]
"""A piece of a caption, and ``right``, ``wrong`` or nothing."""


@dataclass(frozen=True, kw_only=True)
class ShownCaption:
    """A picture with what was said of it."""

    name: str
    """Name of the picture."""
    data: str
    """Picture, as a data address."""
    reference: str
    """A reference. Empty: there is none."""
    said: Sequence[tuple[str, Sequence[Piece]]]
    """Who said what."""


def render_captions(report: CaptionNumbers) -> str:
    """Return the page of a report.

    Args:
        report: What to show.
    """
    gains = report.values[report.main] - report.values[USUAL]
    order = gains.argsort(kind="stable").tolist()
    better = [place for place in reversed(order) if gains[place] > 0]
    worse = [place for place in order if gains[place] < 0]
    columns = list(report.numbers(report.main))
    return fill(
        "captions.html",
        report=report,
        judged_by_itself=report.decider == REWARD,
        head=[("method", ""), *((column, "") for column in columns), ("gain", "points, 95 %"),
              ("ahead by", "points, 95 %"), ("adapted", "")],
        rows=[_row(report, name, columns) for name in report.methods],
        drawn=_figures(report),
        shown=[
            ("Better", len(better), [_shown(report, place) for place in better[:_MOST]]),
            ("Worse", len(worse), [_shown(report, place) for place in worse[:_MOST]]),
        ],
        facts=settings_by_path(report.protocol),
    )  # fmt: skip


def _row(report: CaptionNumbers, name: str, columns: Sequence[str]) -> Row:
    numbers = report.numbers(name)

    def beside(one: Estimate | None) -> tuple[str, str]:
        return ("", "") if one is None else (signed(one.value), f"{signed(one.low)} to {signed(one.high)}")

    found = report.methods[name]
    shares = ("facts", "false things", "sentences")
    return Row(
        name=report.label(name),
        note="" if report.label(name) == name else name,
        marked=name == report.main,
        cells=[
            *((percent(numbers[one]) if one in shares else f"{numbers[one]:.3f}", "") for one in columns),
            beside(report.gains.get(name)),
            beside(report.leads.get(name)),
            (percent(found.share_adapted) if found.share_adapted else "", ""),
        ],
    )


def _figures(report: CaptionNumbers) -> list[tuple[str, str, str]]:
    """Each drawing with what it shows, for those who cannot see it and for those who can."""
    scaled = {
        report.label(name): Estimate(value=100 * one.value, low=100 * one.low, high=100 * one.high)
        for name, one in report.gains.items()
    }
    drawn = [
        (
            draw_gains(scaled, report.label(report.main), f"points of {report.decider}"),
            "Gain of each method over the captioner alone",
            "Gain over the captioner alone with its 95 % interval over paired pictures.",
        )
    ]
    before = 100 * float(report.values[USUAL].mean())
    if report.after_each:
        values = [before, *(100 * value for value in report.after_each)]
        caption = f"By {report.decider}, after each step; step 0 is the captioner before any."
        levels = {report.label(one): 100 * float(report.values[one].mean()) for one in ("best_of_k",) if one in scaled}
        drawing = draw_steps({report.label(report.main): values}, levels, "points")
        drawn.append((drawing, "Captions over steps", caption))
    if report.rewards_after_each:
        paid = [float(report.rewards[USUAL].mean()), *report.rewards_after_each]
        caption = "The reward after each step. Where it rises and the captions get worse, it is fooled."
        drawn.append((draw_steps({report.label(report.main): paid}, {}, "reward"), "Reward over steps", caption))
    return drawn


def _shown(report: CaptionNumbers, place: int) -> ShownCaption:
    methods = [name for name in (USUAL, "best_of_k", report.main) if name in report.methods]
    return ShownCaption(
        name=report.names[place] if report.names else str(place),
        data=picture_data(as_frames(report.pictures[place])[0].numpy(), _PICTURE_PX),
        reference=report.references[place][0] if report.references else "",
        said=[(report.label(name), _pieces(report, name, place)) for name in methods],
    )


def _pieces(report: CaptionNumbers, method: str, place: int) -> list[Piece]:
    caption = report.methods[method].each[place].caption
    return marked_pieces(caption, report.judged[method][place].marks if report.judged else ())


def marked_pieces(caption: str, marks: Sequence[Mark]) -> list[Piece]:
    """Return a caption in pieces, those that state facts marked.

    Args:
        caption: The caption.
        marks: Words that state facts, from left to right.

    Example:
        >>> marked_pieces("a red star", [Mark(2, 5, True), Mark(6, 10, False)])
        [('a ', ''), ('red', 'right'), (' ', ''), ('star', 'wrong')]
    """
    pieces, at = [], 0
    for mark in marks:
        pieces += [(caption[at : mark.start], ""), (caption[mark.start : mark.end], "right" if mark.right else "wrong")]
        at = mark.end
    return [piece for piece in [*pieces, (caption[at:], "")] if piece[0]]
