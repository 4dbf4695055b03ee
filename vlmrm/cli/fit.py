"""``vlmrm fit``: a reward that a few labelled pictures have corrected, and a threshold for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from vlmrm.atomic import remove_folder
from vlmrm.cli.arguments import Fit
from vlmrm.cli.score import named_spec
from vlmrm.cli.table import format_table
from vlmrm.data.frame_files import read_frames
from vlmrm.errors import SpecError
from vlmrm.fitting import calibrate, fit, fit_uncertainty, standardize, tune
from vlmrm.fitting.tuning.options import TUNERS
from vlmrm.fitting.tuning.tuners import WRITE_A_MODEL
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.transforms.few_shot import FEW_SHOT
from vlmrm.types import Frames
from vlmrm.values import require_choice

_GROUPS = ("success", "failure", "uncertainty_on", "scale_on", "negatives")


def run(given: Fit) -> int:
    """Fit, write, and print what the reward makes of the frames."""
    _check(given)
    spec = named_spec(given.spec)
    tuned, local = _folder(given), spec.encoder.removeprefix("local-dir:")
    if tuned is not None and local != spec.encoder and Path(local).expanduser().resolve() == tuned:
        raise SpecError(f"{given.out} is to take the place of the encoder that is tuned. Give another --out.")
    plain = RewardModel.from_spec(spec, device=given.device)
    groups = {name: _read(plain.capture, getattr(given, name)) for name in _GROUPS}
    with _set_aside(_folder(given)):
        return _fit(given, plain, groups)


def _fit(given: Fit, plain: RewardModel, groups: dict[str, Any]) -> int:
    reward = plain
    if given.success or given.failure:
        reward = _fitted(given, plain, groups)
    if given.uncertainty_on:
        reward = fit_uncertainty(reward, groups["uncertainty_on"], _beside(given), kappa=given.kappa)
    if given.scale_on:
        reward = standardize(reward, groups["scale_on"])
    if given.negatives:
        reward = calibrate(reward, groups["negatives"], false_positives=given.false_positives)
    reward.spec.save(given.out)
    print(format_table(["frames", "number", "score before", "score now"], _rows(plain, reward, groups)))
    dropped = [word for word in plain.spec.transforms() if word not in reward.spec.transforms()]
    if dropped:
        print(f"left out, since they were chosen for other scores: {', '.join(dropped)}")
    if reward.spec.threshold is not None:
        print(f"threshold {reward.spec.threshold:.4f}: 1 above it, else 0")
    print(f"wrote {given.out}")
    return 0


def _check(given: Fit) -> None:
    if not given.spec:
        raise SpecError("give a reward: a .toml or .json file, or the name of a task.")
    if not any(getattr(given, name) for name in _GROUPS):
        raise SpecError(
            "give frames: --success and --failure to fit, --uncertainty-on, --scale-on, or --negatives to choose a "
            "threshold."
        )
    for option, value, partner in (
        ("kappa", given.kappa != Fit.kappa, "uncertainty_on"),
        ("false_positives", given.false_positives != Fit.false_positives, "negatives"),
    ):
        if value and not getattr(given, partner):
            words = [f"--{name.replace('_', '-')}" for name in (option, partner)]
            raise SpecError(f"{words[0]} has no effect without {words[1]}; give both, or neither.")
    if given.method != Fit.method and not (given.success or given.failure):
        raise SpecError(f"--method {given.method} learns from frames; give --success and --failure.")
    require_choice("method", given.method, [*FEW_SHOT, *TUNERS])
    if given.out.suffix != ".json":
        raise SpecError(f"the reward is written as JSON, to a file that ends in .json; got {given.out}.")
    beside = _beside(given) if given.uncertainty_on else None
    for path in (given.out, _folder(given), beside):
        if path is not None and path.exists() and not given.force:
            raise SpecError(f"{path} exists already. Give another --out, or --force to write over it.")


def _fitted(given: Fit, plain: RewardModel, groups: dict[str, Any]) -> RewardModel:
    shown = [(groups[name], label) for name, label in (("success", 1.0), ("failure", 0.0)) if groups[name] is not None]
    labels = [label for frames, label in shown for _ in frames]
    together = torch.cat([frames for frames, _ in shown])
    if given.method in FEW_SHOT:
        return fit(plain, together, labels, method=given.method)
    return tune(plain, together, labels, method=given.method, out=_folder(given))


def _beside(given: Fit) -> Path:
    """Of what says how unsure the reward is."""
    return given.out.with_suffix(".safetensors")


def _folder(given: Fit) -> Path | None:
    """Of the tuned encoder; None: none is written."""
    writes = given.method in WRITE_A_MODEL and (given.success or given.failure)
    return given.out.with_name(f"{given.out.stem}-encoder").resolve() if writes else None


@contextmanager
def _set_aside(folder: Path | None) -> Iterator[None]:
    """Keep a folder that is to be replaced until there is another in its place."""
    if folder is None or not folder.exists():
        yield
        return
    old = folder.with_name(f"{folder.name}.old")
    if old.exists():
        remove_folder(old)
    folder.rename(old)
    try:
        yield
    except BaseException:
        if folder.exists():
            remove_folder(folder)
        old.rename(folder)
        raise
    remove_folder(old)


def _read(shrink: Preprocessing | None, paths: tuple[str, ...]) -> Any:
    """All frames of some files, as an agent's would be captured; None: there are no files."""
    frames: list[Frames] = [
        batch.frames if shrink is None else shrink.resize(batch.frames) for path in paths for batch in read_frames(path)
    ]
    if len({tuple(batch.shape[1:]) for batch in frames}) > 1:
        raise SpecError("a judge looks at frames as they are drawn, and these have several sizes; give those of one.")
    return torch.cat(frames) if frames else None


def _rows(plain: RewardModel, reward: RewardModel, groups: dict[str, Any]) -> list[list[str]]:
    """Mean scores of each group."""
    rows = []
    for name, frames in groups.items():
        if frames is not None:
            scores = [float(model.explain(frames)["score"].mean()) for model in (plain, reward)]
            rows.append([name, f"{len(frames):,}", *(f"{score:.4f}" for score in scores)])
    return rows
