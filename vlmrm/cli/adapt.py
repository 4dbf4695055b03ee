"""``vlmrm adapt``: does a reward adapt a model to single queries?"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from vlmrm.atomic import write_json
from vlmrm.cli.adapt_arguments import Adapt
from vlmrm.cli.adapt_captions import require_room, run_captions
from vlmrm.cli.adapt_problems import Problem, problems
from vlmrm.cli.frame_progress import frame_progress
from vlmrm.cli.table import format_table
from vlmrm.data.classified import read_classes
from vlmrm.data.known_sets import known_templates
from vlmrm.errors import SpecError
from vlmrm.report import AdaptationReport
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rlcf.methods import find_method
from vlmrm.rlcf.options import AdaptOptions, preset
from vlmrm.rlcf.results import Evaluation, MethodResult
from vlmrm.rlcf.running import run_method
from vlmrm.rlcf.setup import OF_TEMPLATES, TRAINING_FREE, AdaptedMethod, Setup

_HEADER = ("method", "right", "95 % interval", "over zero-shot", "mended", "spoilt", "ECE")


def run(given: Adapt) -> int:
    """Adapt, compare, print the tables and write the numbers."""
    if given.out.suffix not in (".json", ".html"):
        raise SpecError(f"results are a page or numbers: a file that ends in .html or .json; got --out {given.out}.")
    if given.what == "caption":
        return run_captions(given)
    asked = problems(given)
    outs = [given.out.with_stem(f"{given.out.stem}_{one.name}") if len(asked) > 1 else given.out for one in asked]
    require_room(outs, force=given.force)
    for problem, out in zip(asked, outs, strict=True):
        _answer(given, problem, out)
    return 0


def _answer(given: Adapt, problem: Problem, out: Path) -> None:
    """Ask all methods one problem."""
    setup = _setup(given, problem)
    kept = out.with_suffix("") if given.keep is None else given.keep / problem.name
    results = {}
    for method in setup.methods:
        show = frame_progress(f"answered by {method}", what="queries")
        results[method] = run_method(setup, method, problem.asked, kept, workers=given.workers, progress=show)
    report = AdaptationReport(
        evaluation=Evaluation(methods=results, answers=setup.zero_shot.names, protocol=setup.protocol("adapted")),
        queries=problem.asked.queries,
        names=problem.names,
        gallery=problem.gallery,
    )
    print(f"{problem.about}; judged by their labels.")
    print(format_table(_HEADER, [_row(one, results["zero_shot"]) for one in results.values()]))
    print(f"\n{report.headline} {report.verdict.sentence}")
    for remark in report.remarks:
        print(f"note: {remark}")
    if out.suffix == ".html":
        report.save(out)
    else:
        write_json(out, report.to_dict())
    print(f"wrote {out}; the answers to each query are in {kept}")


def _setup(given: Adapt, problem: Problem) -> Setup:
    options, count = _options(given, problem), problem.answers.count
    if options.candidates is not None and options.candidates > count:
        options = replace(options, candidates=None)
    return Setup(
        policy=given.policy,
        answers=problem.answers,
        reward=_reward(given.reward, options.rivals),
        adapted={
            "self_reward": AdaptedMethod(options=options, self_reward=True),
            "kd": AdaptedMethod(options=replace(options, method="kd")),
            **{name: AdaptedMethod(options=replace(options, method=name)) for name in _losses(given)},
            "adapted": AdaptedMethod(options=options),
        },
        training_free=[name for name in given.also if name in TRAINING_FREE],
        templates=_templates(given),
        rivals=options.rivals,
        candidates=options.candidates or count,
        views=options.views,
        seed=options.seed,
        device=given.device,
    )


def _losses(given: Adapt) -> list[str]:
    """Other losses that are asked for, each by its name."""
    losses = [name for name in given.also if name not in TRAINING_FREE]
    for name in losses:
        find_method(name)
    return losses


def _templates(given: Adapt) -> tuple[str, ...]:
    asked = [name for name in OF_TEMPLATES if name in given.also]
    if asked and not given.templates:
        raise SpecError(f"{asked[0]} takes several sentences. Give --templates openai, simple, or a file of them.")
    if not given.templates:
        return ()
    path = Path(given.templates)
    return read_classes(path, what="a sentence with {}") if path.is_file() else known_templates(given.templates)


def _options(given: Adapt, problem: Problem) -> AdaptOptions:
    options = preset(given.preset or problem.preset)
    said: dict[str, Any] = {
        "method": given.method or None,
        "tune": given.tune or None,
        "coop": given.coop,
        "steps": given.steps,
        "learning_rate": given.learning_rate,
        "candidates": given.candidates,
        "views": None if given.views is None else replace(options.views, count=given.views),
        "rivals": given.rivals or None,
        "seed": given.seed,
    }
    return replace(options, **{name: value for name, value in said.items() if value is not None})


def _reward(name: str, rivals: str | None) -> RewardSpec:
    """A whole reward from a file, or of a model CLIPScore, or, where answers compete, the softmax over them."""
    if name.endswith((".toml", ".json")):
        return RewardSpec.load(Path(name))
    return RewardSpec.clip_score(name) if rivals is None else RewardSpec.from_dict({"encoder": name, "head": "softmax"})


def _row(found: MethodResult, usual: MethodResult) -> tuple[str, ...]:
    accuracy, gain, turned = found.accuracy, found.gain_over(usual), found.flips_from(usual)
    beside = (
        (f"{100 * gain.value:+.1f}", str(turned.mended), str(turned.spoilt)) if found is not usual else ("", "", "")
    )
    interval = f"{100 * accuracy.low:.1f} to {100 * accuracy.high:.1f}"
    return (found.name, f"{100 * accuracy.value:.1f}", interval, *beside, f"{found.calibration_error:.3f}")
