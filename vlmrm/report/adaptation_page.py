"""The page of an `AdaptationReport`: tables, figures and pictures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vlmrm.frames.batch import as_frames
from vlmrm.metrics import Estimate
from vlmrm.report.adaptation_numbers import USUAL, AdaptationNumbers
from vlmrm.report.page import fill
from vlmrm.report.plots import draw_gains, draw_steps, picture_data
from vlmrm.report.turned import Turned
from vlmrm.report.words import percent, signed
from vlmrm.rlcf.results import MethodResult

_MOST_PICTURES, _PICTURE_PX, _MOST_CONFUSIONS = 8, 240, 10
_LEVELS = (USUAL, "reward_only", "best_of_k")
_BEFORE = (("method", ""), ("right", "95 % interval"), ("over zero-shot", "points, 95 %"))
_AFTER = (("mended", ""), ("spoilt", ""), ("ECE", ""), ("KL", ""), ("adapted", "share"), ("dropped", ""))
Cell = tuple[str, str]
"""What stands in a cell, and what stands below it in small."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table."""

    name: str
    """Heading of the row."""
    cells: Sequence[Cell]
    """The other cells, from left to right."""
    note: str = ""
    """What stands below the heading in small."""
    marked: bool = False
    """Whether the row stands out."""


@dataclass(frozen=True, kw_only=True)
class TurnedPicture:
    """A query whose answer was turned, with what was said of it."""

    name: str
    """Name of the query."""
    data: str
    """Picture of the query, or of the right answer, as a data address. Empty: there is none."""
    right: str
    """Name of the right answer."""
    said: Sequence[tuple[str, str, float | None]]
    """Who answered, the name of the answer, and its probability. None: it is not known."""


def render_adaptation(report: AdaptationNumbers) -> str:
    """Return the page of a report.

    Args:
        report: What to show.
    """
    protocol = report.evaluation.protocol
    known = {"policy": protocol.get("policy", ""), "reward": protocol.get("reward", {}).get("encoder", "")}
    counts = sorted({1, report.candidates, 5, 10} & set(range(len(report.evaluation.answers) + 1)))
    return fill(
        "adaptation.html",
        report=report,
        **known,
        head=(*_BEFORE, (f"{report.label(report.main)} ahead by", "points, 95 %"), *_AFTER),
        rows=[_row(report, name, found) for name, found in report.evaluation.methods.items()],
        drawn=_figures(report),
        reach_head=[("among the likeliest", ""), *((str(count), "") for count in counts)],
        reach=[_reach(report, name, counts) for name in (USUAL, report.main)],
        beyond=_beyond(report),
        flipped=[
            ("Mended", _shown(report, report.mended), len(report.mended), _led(report, report.mended, right=True)),
            ("Spoilt", _shown(report, report.spoilt), len(report.spoilt), _led(report, report.spoilt, right=False)),
        ],
        confusions=_confusions(report),
        facts=settings_by_path({name: value for name, value in protocol.items() if name != "classes"}),
    )


def _row(report: AdaptationNumbers, name: str, found: MethodResult) -> Row:
    def difference(known: Mapping[str, Any]) -> Cell:
        one = known.get(name)
        return ("", "") if one is None else (signed(one.value), f"{signed(one.low)} to {signed(one.high)}")

    accuracy, flips, steps = found.accuracy, found.flips_from(report.usual), found.share_adapted > 0
    return Row(
        name=report.label(name),
        note="" if report.label(name) == name else name,
        marked=name == report.main,
        cells=[
            (f"{100 * accuracy.value:.1f} %", f"{100 * accuracy.low:.1f} to {100 * accuracy.high:.1f}"),
            difference(report.gains),
            difference(report.leads),
            *((str(count) if name != USUAL else "", "") for count in (flips.mended, flips.spoilt)),
            (f"{found.calibration_error:.3f}", ""),
            (f"{found.divergence:.3f}" if steps else "", ""),
            (percent(found.share_adapted) if steps else "", f"{found.unmoved} unmoved" if found.unmoved else ""),
            (str(found.dropped) if steps else "", ""),
        ],
    )


def _figures(report: AdaptationNumbers) -> list[tuple[str, str, str]]:
    """Each drawing with what it shows, for those who cannot see it and for those who can."""
    methods = report.evaluation.methods
    gains = {report.label(name): one for name, one in report.gains.items()}
    scaled = {
        name: Estimate(value=100 * one.value, low=100 * one.low, high=100 * one.high) for name, one in gains.items()
    }
    drawn = [
        (
            draw_gains(scaled, report.label(report.main), "points over zero-shot"),
            "Gain of each method over zero-shot",
            "Gain over zero-shot with its 95 % interval over paired queries.",
        )
    ]
    order = sorted(methods, key=lambda name: name != report.main)  # the judged one first
    traced = {name: after for name in order if (after := methods[name].accuracy_after_each())}
    if traced:
        before = report.usual.accuracy.value
        lines = {report.label(name): [100 * share for share in (before, *after)] for name, after in traced.items()}
        levels = {report.label(name): 100 * methods[name].accuracy.value for name in _LEVELS if name in methods}
        caption = "Accuracy after each step of the episodes; step 0 is the policy before any."
        drawn.append((draw_steps(lines, levels, "right, %"), "Accuracy over steps", caption))
    return drawn


def _reach(report: AdaptationNumbers, name: str, counts: Sequence[int]) -> Row:
    found = report.evaluation.methods[name]
    cells = [(percent(found.right_among(count)), "") for count in counts]
    return Row(name=report.label(name), cells=cells, marked=name == report.main)


def _beyond(report: AdaptationNumbers) -> str:
    """What a choice among the candidates cannot do, and the gradient does; empty: nothing was mended."""
    outside = sum(report.usual.each[one.place].rank >= report.candidates for one in report.mended)
    said = f" Of {len(report.mended)} mended answers {outside} lay beyond these, where no choice among them helps."
    return said if report.mended else ""


def _led(report: AdaptationNumbers, found: Sequence[Turned], *, right: bool) -> str:
    """On how many of the turned answers the reward alone is right, or wrong."""
    reward = report.evaluation.methods.get("reward_only")
    if reward is None:
        return ""
    led = sum(bool(reward.right[one.place]) == right for one in found)
    return f"The reward alone is {'right' if right else 'wrong'} on {led} of them."


def _shown(report: AdaptationNumbers, found: Sequence[Turned]) -> list[TurnedPicture]:
    answers, reward = report.evaluation.answers, report.evaluation.methods.get("reward_only")
    shown = []
    for one in found[:_MOST_PICTURES]:
        said = [
            (report.label(USUAL), answers[one.before], one.before_chance),
            (report.label(report.main), answers[one.after], one.after_chance),
        ]
        own = [] if reward is None else [(report.label("reward_only"), answers[reward.each[one.place].answer], None)]
        shown.append(
            TurnedPicture(
                name=_name(report, one.place),
                data=_data(report, one),
                right=answers[one.label],
                said=[*said, *own],
            )
        )
    return shown


def _name(report: AdaptationNumbers, place: int) -> str:
    query = report.queries[place]
    if report.names:
        return report.names[place]
    return query if isinstance(query, str) else f"no. {place}"


def _data(report: AdaptationNumbers, one: Turned) -> str:
    """The picture that was asked about, or, of a text, the one that it ought to find."""
    shown = report.queries[one.place] if report.gallery is None else report.gallery[one.label]
    return "" if isinstance(shown, str) else picture_data(as_frames(shown)[0].numpy(), _PICTURE_PX)


def _confusions(report: AdaptationNumbers) -> list[Row]:
    answers = report.evaluation.answers
    return [
        Row(
            name=answers[one.label],
            note=f"taken for: {answers[one.answer]}",
            cells=[(str(one.before), ""), (str(one.after), "")],
        )
        for one in report.confusions[:_MOST_CONFUSIONS]
    ]


def settings_by_path(values: Mapping[str, Any], within: str = "") -> dict[str, str]:
    """Return settings by their paths, such as ``options.views.count``, as texts.

    Args:
        values: Settings; tables in tables.
        within: Path of the table.
    """
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= settings_by_path(value, f"{within}{name}.")
        else:
            found[f"{within}{name}"] = value if isinstance(value, str) else json.dumps(value)
    return found
