"""``vlmrm fit``: a reward that a few labelled pictures have corrected, and a threshold for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional

from vlmrm.atomic import remove_folder
from vlmrm.cli.score import named_spec
from vlmrm.cli.table import format_table
from vlmrm.errors import SpecError
from vlmrm.tables import require_choice
from vlmrm.training.options import open_option

if TYPE_CHECKING:
    from vlmrm.frames.preprocessing import Preprocessing
    from vlmrm.rewards.model import RewardModel
    from vlmrm.types import Frames

_GROUPS = ("success", "failure", "uncertainty_on", "scale_on", "negatives")
_FRAMES = "FRAMES [FRAMES ...]"


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Correct a reward by a few labelled pictures, choose a threshold for it, or both.

    vlmrm fit cartpole/upright --success up/ --failure down/ --out fitted.json
    vlmrm fit fitted.json --negatives random.mp4 --false-positives 0.01 --out binary.json
    vlmrm fit --success goal.png --method goal_pictures --out picture.json cartpole/upright
    vlmrm fit cartpole/upright --success up/ --failure down/ --method svd --out tuned.json

    Pictures, folders of them, videos and .npy arrays are frames. What it writes goes to
    `vlmrm score`, `vlmrm train --reward` and RewardSpec.load.
    """

    spec: Annotated[Positional[str], open_option("SPEC")] = ""
    """A reward as .toml or .json, or the name of a task."""
    success: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames that show the goal."""
    failure: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames that do not, look-alikes above all."""
    method: Annotated[str, open_option("NAME")] = "proker"
    """proker, tip_adapter or prototypes correct the goal sentence; goal_pictures take its place.
    coop and cocoop learn words of it.
    svd and lora tune the encoder, which is written beside --out: tuned-encoder beside tuned.json.
    """
    uncertainty_on: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames as an agent will see them, 100 or more; how unsure the reward is of others is measured against these.
    Kept beside --out in a .safetensors file."""
    kappa: Annotated[float, open_option("N")] = 0.0
    """Standard deviations taken off the reward: above 0, what cannot be known does not pay."""
    scale_on: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames as an agent will see them: on these, scores get a mean of 0 and a standard deviation of 1.
    Of an ensemble, those of each part."""
    negatives: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Other frames without the goal, of a random policy say: a threshold is chosen so that few are above it."""
    false_positives: Annotated[float, open_option("SHARE")] = 0.05
    """Of the negatives that may be above the threshold."""
    out: Annotated[Path, open_option("FILE")] = Path("reward.json")
    """Where the reward is written, as JSON."""
    force: bool = False
    """Write over a file that is there."""
    device: Annotated[str | None, open_option("NAME")] = None
    """cpu, cuda, ... Default: the best there is."""

    def run(self) -> int:
        """Fit, write, and print what the reward makes of the frames."""
        from vlmrm.rewards.model import RewardModel

        self._check()
        spec = named_spec(self.spec)
        if spec.encoder == f"local-dir:{self._folder}":
            raise SpecError(f"{self.out} is to take the place of the encoder that is tuned. Give another --out.")
        plain = RewardModel.from_spec(spec, device=self.device)
        groups = {name: _read(plain.capture, getattr(self, name)) for name in _GROUPS}
        with _set_aside(self._folder):
            return self._fit(plain, groups)

    def _fit(self, plain: "RewardModel", groups: dict[str, Any]) -> int:
        from vlmrm.fitting import calibrate, fit_uncertainty, standardize

        reward = plain
        if self.success or self.failure:
            reward = self._fitted(plain, groups)
        if self.uncertainty_on:
            beside = self.out.with_suffix(".safetensors")
            reward = fit_uncertainty(reward, groups["uncertainty_on"], beside, kappa=self.kappa)
        if self.scale_on:
            reward = standardize(reward, groups["scale_on"])
        if self.negatives:
            reward = calibrate(reward, groups["negatives"], false_positives=self.false_positives)
        reward.spec.save(self.out)
        print(format_table(["frames", "number", "score before", "score now"], _rows(plain, reward, groups)))  # noqa: T201
        if reward.spec.threshold is not None:
            print(f"threshold {reward.spec.threshold:.4f}: 1 above it, else 0")  # noqa: T201
        print(f"wrote {self.out}")  # noqa: T201
        return 0

    def _check(self) -> None:
        from vlmrm.fitting.tuning.options import TUNERS
        from vlmrm.rewards.transforms.few_shot import FEW_SHOT

        if not self.spec:
            raise SpecError("give a reward: a .toml or .json file, or the name of a task.")
        if not any(getattr(self, name) for name in _GROUPS):
            raise SpecError(
                "give frames: --success and --failure to fit, --uncertainty-on, --scale-on, or --negatives to choose a "
                "threshold."
            )
        if self.method != "proker" and not (self.success or self.failure):
            raise SpecError(f"--method {self.method} learns from frames; give --success and --failure.")
        require_choice("method", self.method, [*FEW_SHOT, *TUNERS])
        if self.out.suffix != ".json":
            raise SpecError(f"the reward is written as JSON, to a file that ends in .json; got {self.out}.")
        for path in (self.out, self._folder):
            if path is not None and path.exists() and not self.force:
                raise SpecError(f"{path} exists already. Give another --out, or --force to write over it.")

    def _fitted(self, plain: "RewardModel", groups: dict[str, Any]) -> "RewardModel":
        import torch

        from vlmrm.fitting import fit, tune
        from vlmrm.rewards.transforms.few_shot import FEW_SHOT

        shown = [
            (groups[name], label) for name, label in (("success", 1.0), ("failure", 0.0)) if groups[name] is not None
        ]
        labels = [label for frames, label in shown for _ in frames]
        together = torch.cat([frames for frames, _ in shown])
        if self.method in FEW_SHOT:
            return fit(plain, together, labels, method=self.method)
        return tune(plain, together, labels, method=self.method, out=self._folder)

    @property
    def _folder(self) -> Path | None:
        """Of the tuned encoder; None: none is written."""
        from vlmrm.fitting.tuning.tuners import WRITE_A_MODEL

        writes = self.method in WRITE_A_MODEL and (self.success or self.failure)
        return self.out.with_name(f"{self.out.stem}-encoder").resolve() if writes else None


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


def _read(shrink: "Preprocessing | None", paths: tuple[str, ...]) -> Any:
    """All frames of some files, as an agent's would be captured; None: there are no files."""
    import torch

    from vlmrm.data.frame_files import read_frames

    frames: list[Frames] = [
        batch.frames if shrink is None else shrink.resize(batch.frames) for path in paths for batch in read_frames(path)
    ]
    if len({tuple(batch.shape[1:]) for batch in frames}) > 1:
        raise SpecError("a judge looks at frames as they are drawn, and these have several sizes; give those of one.")
    return torch.cat(frames) if frames else None


def _rows(plain: "RewardModel", reward: "RewardModel", groups: dict[str, Any]) -> list[list[str]]:
    """Mean scores of each group."""
    rows = []
    for name, frames in groups.items():
        if frames is not None:
            scores = [float(model.explain(frames)["score"].mean()) for model in (plain, reward)]
            rows.append([name, f"{len(frames):,}", *(f"{score:.4f}" for score in scores)])
    return rows
