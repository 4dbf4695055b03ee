"""``vlmrm adapt``: does a reward adapt a classifier to single pictures?"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from vlmrm.atomic import write_json
from vlmrm.cli.adapt_arguments import Adapt
from vlmrm.cli.frame_progress import frame_progress
from vlmrm.cli.table import format_table
from vlmrm.data.classified import ClassifiedPictures, read_classes
from vlmrm.errors import SpecError
from vlmrm.report import AdaptationReport
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rlcf.answer_sets import Classes
from vlmrm.rlcf.labelled import Labelled
from vlmrm.rlcf.options import AdaptOptions, preset
from vlmrm.rlcf.results import Evaluation, MethodResult
from vlmrm.rlcf.running import run_method
from vlmrm.rlcf.setup import AdaptedMethod, Setup

_HEADER = ("method", "right", "95 % interval", "over zero-shot", "mended", "spoilt", "ECE")


def run(given: Adapt) -> int:
    """Adapt, compare, print the table and write the numbers."""
    if given.what != "classify":
        raise SpecError(f"say what to adapt for: vlmrm adapt classify FOLDER; got {given.what!r}.")
    if given.out.suffix not in (".json", ".html"):
        raise SpecError(f"results are a page or numbers: a file that ends in .html or .json; got --out {given.out}.")
    there = [path for path in (given.out, given.out.with_suffix(".json")) if path.exists()]
    if there and not given.force:
        raise SpecError(f"{there[0]} is there already. Give another --out, or --force to write over it.")
    classes = () if given.classes is None else read_classes(given.classes)
    shown = ClassifiedPictures.read(given.folder, table=given.labels, classes=classes)
    setup = _setup(given, shown.classes)
    kept = given.keep or given.out.with_suffix("")
    results = {}
    for method in setup.methods:
        pictures = Labelled(shown.pictures, shown.labels)
        show = frame_progress(f"answered by {method}", what="pictures")
        results[method] = run_method(setup, method, pictures, kept, workers=given.workers, progress=show)
    report = AdaptationReport(
        evaluation=Evaluation(methods=results, answers=shown.classes, protocol=setup.protocol("adapted")),
        queries=shown.pictures,
        names=["/".join(path.parts[-2:]) for path in shown.pictures.paths],
    )
    print(f"{len(shown.labels):,} pictures of {len(shown.classes)} classes; judged by their labels.")
    print(format_table(_HEADER, [_row(one, results["zero_shot"]) for one in results.values()]))
    print(f"\n{report.headline} {report.verdict.sentence}")
    for remark in report.remarks:
        print(f"note: {remark}")
    if given.out.suffix == ".html":
        report.save(given.out)
    else:
        write_json(given.out, report.to_dict())
    print(f"wrote {given.out}; the answers to each picture are in {kept}")
    return 0


def _setup(given: Adapt, classes: tuple[str, ...]) -> Setup:
    options = _options(given)
    spec = _reward(given.reward)
    if options.candidates is not None and options.candidates > len(classes):
        options = replace(options, candidates=None)
    return Setup(
        policy=given.policy,
        answers=Classes(classes, given.template),
        reward=spec,
        adapted={
            "self_reward": AdaptedMethod(options=options, self_reward=True),
            "kd": AdaptedMethod(options=replace(options, method="kd")),
            "adapted": AdaptedMethod(options=options),
        },
        rivals=options.rivals,
        candidates=options.candidates or len(classes),
        device=given.device,
    )


def _options(given: Adapt) -> AdaptOptions:
    options = preset(given.preset)
    said: dict[str, Any] = {
        "method": given.method or None,
        "tune": given.tune or None,
        "steps": given.steps,
        "learning_rate": given.learning_rate,
        "candidates": given.candidates,
        "views": None if given.views is None else replace(options.views, count=given.views),
        "rivals": given.rivals or None,
        "seed": given.seed,
    }
    return replace(options, **{name: value for name, value in said.items() if value is not None})


def _reward(name: str) -> RewardSpec:
    """A whole reward from a file, or CLIPScore of a model."""
    if name.endswith((".toml", ".json")):
        return RewardSpec.load(Path(name))
    return RewardSpec.clip_score(name)


def _row(found: MethodResult, usual: MethodResult) -> tuple[str, ...]:
    accuracy, gain, turned = found.accuracy, found.gain_over(usual), found.flips_from(usual)
    beside = (
        (f"{100 * gain.value:+.1f}", str(turned.mended), str(turned.spoilt)) if found is not usual else ("", "", "")
    )
    interval = f"{100 * accuracy.low:.1f} to {100 * accuracy.high:.1f}"
    return (found.name, f"{100 * accuracy.value:.1f}", interval, *beside, f"{found.calibration_error:.3f}")
