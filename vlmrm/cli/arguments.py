"""The commands of the command line and their options; what carries a command out is loaded when it runs."""

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from vlmrm.training.config import TrainConfig
from vlmrm.training.options import Sentences, open_option

_FRAMES = "FRAMES [FRAMES ...]"


class Command:
    """Base class for a command; ``vlmrm.cli.NAME`` carries it out."""

    def run(self) -> int:
        """Carry the command out, and return its exit code. What needs torch is loaded only now."""
        return int(import_module(f"vlmrm.cli.{type(self).__name__.lower()}").run(self))


@dataclass(frozen=True, kw_only=True)
class Train(Command):
    """Train an agent from sentences.

    vlmrm train cartpole/upright
    vlmrm train --env LunarLander-v3 --goal "a lander standing between two flags" --baseline "a lander in space"
    vlmrm train --resume runs/FOLDER

    Ctrl-C stores everything and says how to go on.
    """

    config: Annotated[TrainConfig, arg(name="")] = field(default_factory=TrainConfig)
    """What to train, and how."""
    resume: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Go on with a run that was stopped or killed; takes everything from its config.json."""


@dataclass(frozen=True, kw_only=True)
class Play(Command):
    """Let the agent of a run act for one episode, as a video or in a window.

    vlmrm play runs/FOLDER
    vlmrm play runs/FOLDER --best --seed 7 --window
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN", help_behavior_hint="")]
    """The run's folder."""
    seed: int = 0
    """Seed of the environment."""
    best: bool = False
    """The agent that the run kept as the best, usually that of the evaluation with the most successes, instead of the
    last one."""
    window: bool = False
    """Show the episode in the environment's own window instead of writing a video."""
    out: Annotated[Path | None, open_option("FILE")] = None
    """An mp4 file. Default: play-SEED.mp4 in the run's folder."""


@dataclass(frozen=True, kw_only=True)
class Score(Command):
    """Score pictures with a reward.

    vlmrm score reward.toml frames/
    vlmrm score cartpole/upright video.mp4 --alphas 0 0.5 1
    vlmrm score --goal "a red car" --baseline "a car" --encoder ViT-B-32/openai a.png b.png
    """

    inputs: Annotated[Positional[tuple[str, ...]], open_option("[SPEC] FRAMES")] = ()
    """SPEC is a reward as .toml or .json, or a task by name or file; left out beside --goal. FRAMES are pictures,
    folders of pictures, videos or .npy arrays (h, w, 3) or (n, h, w, 3) of uint8; for a reward that looks back, those
    of one episode in order."""
    goal: Sentences = ()
    """What the picture should show, as one sentence or several."""
    baseline: Sentences = ()
    """The scene without the goal."""
    encoder: Annotated[str | None, open_option("NAME")] = None
    """Instead of the spec's. Default with --goal: sim-s."""
    alpha: Annotated[float | None, open_option("SHARE")] = None
    """Instead of the spec's. Default: 0.5, and 0 without a baseline."""
    alphas: Annotated[tuple[float, ...], open_option("SHARE [SHARE ...]")] = ()
    """Score for several alphas at the cost of one."""
    json: bool = False
    """Print JSON instead of a table."""
    device: Annotated[str | None, open_option("NAME")] = None
    """cpu, cuda, ... Default: the best there is."""


@dataclass(frozen=True, kw_only=True)
class Fit(Command):
    """Correct a reward by a few labelled pictures, choose a threshold for it, or both.

    vlmrm fit cartpole/upright --success up/ --failure down/ --out fitted.json
    vlmrm fit fitted.json --negatives random.mp4 --false-positives 0.01 --out binary.json
    vlmrm fit --success goal.png --method goal_pictures --out picture.json cartpole/upright
    vlmrm fit cartpole/upright --success up/ --failure down/ --method svd --out tuned.json

    Pictures, folders of them, videos and .npy arrays are frames. What it writes goes to
    `vlmrm score`, `vlmrm train --reward` and RewardSpec.load.
    """

    spec: Annotated[Positional[str], open_option("SPEC")] = ""
    """A reward as .toml or .json, or a task by name or file."""
    success: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames that show the goal."""
    failure: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames that do not, look-alikes above all."""
    method: Annotated[str, open_option("NAME")] = "proker"
    """proker, tip_adapter or prototypes correct the goal sentence; goal_pictures take its place.
    coop and cocoop learn words of it.
    svd and lora tune the encoder, which is written beside --out: tuned-encoder beside tuned.json.
    Default: proker."""
    uncertainty_on: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames as an agent will see them, 100 or more; how unsure the reward is of others is measured against these.
    Kept beside --out in a .safetensors file."""
    kappa: Annotated[float, open_option("N")] = 0.0
    """Standard deviations taken off the reward: above 0, what cannot be known does not pay. Default: 0."""
    scale_on: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames as an agent will see them: on these, scores get a mean of 0 and a standard deviation of 1.
    Of an ensemble, those of each part."""
    negatives: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Other frames without the goal, of a random policy say: a threshold is chosen so that few are above it."""
    false_positives: Annotated[float, open_option("SHARE")] = 0.05
    """Share of the negatives that may be above the threshold. Default: 0.05."""
    out: Annotated[Path, open_option("FILE")] = Path("reward.json")
    """File that the reward is written to, as JSON. Default: reward.json."""
    force: bool = False
    """Write over a file that is there."""
    device: Annotated[str | None, open_option("NAME")] = None
    """cpu, cuda, ... Default: the best there is."""


@dataclass(frozen=True, kw_only=True)
class Report(Command):
    """Judge rewards on labelled frames, and write a page.

    vlmrm report humanoid/kneeling
    vlmrm report humanoid/kneeling --models sim-s sim-m --alphas 0 0.5 1
    vlmrm report frames/ --labels labels.csv --rewards reward.toml
    vlmrm report --success up/ --failure down/ --goal "a red car" --baseline "a car"
    vlmrm report drive.mp4 --goal-at 3-5.5,8- --rewards reward.toml
    vlmrm report runs/FOLDER
    vlmrm report runs/SEED-0 runs/SEED-1 runs/SEED-2

    The page opens without a network; the same numbers are beside it as JSON. `vlmrm label` makes labels.
    """

    source: Annotated[Positional[str], open_option("SOURCE")] = ""
    """A task or its .toml file; a folder of pictures or a file of frames, with --labels; a video, with --goal-at; the
    folder of a run."""
    others: Annotated[Positional[tuple[str, ...]], open_option("[RUN ...]")] = ()
    """Folders of more runs, to compare with the first."""
    labels: Annotated[Path | None, open_option("FILE")] = None
    """CSV file with the columns frame and in_goal."""
    success: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames that show the goal, in the place of SOURCE."""
    failure: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames that do not."""
    goal_at: Annotated[str, open_option("FROM-TO[,...]")] = ""
    """When a video shows the goal, in seconds, as 3-5.5,8-."""
    rewards: Annotated[tuple[str, ...], open_option("SPEC [SPEC ...]")] = ()
    """Rewards as .toml or .json, or tasks by name or file. Default: the task's own, or --goal."""
    scores: Annotated[tuple[Path, ...], open_option("FILE [FILE ...]")] = ()
    """Scores that something else gave the same frames: .csv, .json or .parquet with frame and score."""
    goal: Sentences = ()
    """What the picture should show, instead of the rewards' own."""
    baseline: Sentences = ()
    """The scene without the goal."""
    models: Annotated[tuple[str, ...], open_option("NAME [NAME ...]")] = ()
    """Encoders to compare, instead of the rewards' own."""
    alphas: Annotated[tuple[float, ...], open_option("SHARE [SHARE ...]")] = ()
    """Alphas to compare."""
    frames: Annotated[int, open_option("N")] = 2_000
    """Number of states of a task. Default: 2000."""
    seed: Annotated[int, open_option("N")] = 0
    """Decides the states. Default: 0."""
    budget: Annotated[float, open_option("SHARE")] = 0.05
    """Share of the frames outside of the goal that a threshold may let through. Default: 0.05."""
    agents: Annotated[Path | None, open_option("RUN")] = None
    """Folder of a run in the task's environment, whose agents play episodes that the rewards rank."""
    audit: bool = False
    """Also look for what fools the best reward, as `vlmrm audit` does, in a section of the page."""
    concepts: bool = False
    """Also look for what raises the best reward: parts of the frames' embeddings, in a section of the page."""
    concept_sentences: Annotated[Path | None, open_option("FILE")] = None
    """Sentences that may name them, one a line. Default: those of the reward and of all tasks."""
    device: Annotated[str | None, open_option("NAME")] = None
    """cpu, cuda, ... Default: the best there is."""
    out: Annotated[Path, open_option("FILE")] = Path("report.html")
    """The page. Default: report.html."""
    force: bool = False
    """Write over a page that is there."""


@dataclass(frozen=True, kw_only=True)
class Search(Command):
    """Search for the sentence, camera or form of a reward that separates goal frames best.

    vlmrm search prompts humanoid/arms_crossed --frames 60 --out found.json
    vlmrm search camera humanoid/arms_crossed --map views.png
    vlmrm search reward frames/ --labels labels.csv --reward reward.toml
    vlmrm search prompts --success up/ --failure down/ --goal "a red car"

    What is found is judged on other frames than it was chosen on. Where these do not show for sure that it is better,
    the reward is written as it was.
    """

    what: Annotated[Positional[str], open_option("prompts|camera|reward")] = ""
    """What to search for."""
    source: Annotated[Positional[str], open_option("SOURCE")] = ""
    """A task or its .toml file; or, but for a camera, a folder of pictures or a file of frames, with --labels, or a
    video, with --goal-at."""
    labels: Annotated[Path | None, open_option("FILE")] = None
    """CSV file with the columns frame and in_goal."""
    success: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames that show the goal, in the place of SOURCE."""
    failure: Annotated[tuple[str, ...], open_option(_FRAMES)] = ()
    """Frames that do not."""
    goal_at: Annotated[str, open_option("FROM-TO[,...]")] = ""
    """When a video shows the goal, in seconds, as 3-5.5,8-."""
    reward: Annotated[str, open_option("SPEC")] = ""
    """The reward to begin with, as .toml or .json, or a task by name or file. Default: the task's own, or
    --goal."""
    goal: Sentences = ()
    """What the picture should show, instead of the reward's own."""
    baseline: Sentences = ()
    """The scene without the goal."""
    sentences: Sentences = ()
    """Goal sentences to try beside those that are proposed; of prompts."""
    rivals: Sentences = ()
    """Sentences that must not be taken for the goal, for the heads contrast and softmax."""
    rounds: Annotated[int, open_option("N")] = 2
    """How often the best sentences are worded anew; of prompts. Default: 2."""
    models: Annotated[tuple[str, ...], open_option("NAME [NAME ...]")] = ()
    """Encoders to try as well; of reward."""
    views: Annotated[int, open_option("N")] = 80
    """Number of views to try; of camera. Default: 80."""
    around: Annotated[str, open_option("NAME")] = ""
    """Which of a task's several cameras to begin with; of camera."""
    pairs: Annotated[int, open_option("N")] = 0
    """How many of the best views to try together with every other one as well; of camera. Default: 0, one camera."""
    frames: Annotated[int, open_option("N")] = 60
    """Number of states of a task to search on. Default: 60."""
    held_out: Annotated[int, open_option("N")] = 1_000
    """Number of other states to judge the winner on. Default: 1000."""
    seed: Annotated[int, open_option("N")] = 0
    """Decides the states, the parts and the views. Default: 0."""
    map: Annotated[Path | None, open_option("FILE")] = None
    """PNG file for what each view reaches; of camera."""
    out: Annotated[Path, open_option("FILE")] = Path("found.json")
    """File for the winner, or for the reward as it was. Default: found.json."""
    take_best: bool = False
    """Write the winner even where held-out frames do not show that it is better."""
    force: bool = False
    """Write over a file that is there."""


@dataclass(frozen=True, kw_only=True)
class Label(Command):
    """Label frames with one key each, on a page of this machine's own browser.

    vlmrm label frames/
    vlmrm label frames/ drive.mp4 --labels labels.csv --rater anna
    vlmrm label frames/ --reward reward.toml

    Each key is saved. The same command goes on where it was; a second rater starts anew, and agreement is printed.
    With a reward, frames come first that say most about it.
    """

    frames: Annotated[Positional[tuple[str, ...]], open_option(_FRAMES)] = ()
    """Pictures, folders of pictures, videos or .npy arrays."""
    labels: Annotated[Path | None, open_option("FILE")] = None
    """CSV file that labels are written to. Default: labels.csv beside the frames."""
    rater: Annotated[str, open_option("NAME")] = ""
    """Who labels; two raters may share a file."""
    reward: Annotated[str, open_option("SPEC")] = ""
    """A reward as .toml or .json, or a task by name or file; decides which frames come first."""
    in_order: bool = False
    """Show the frames in the order of their names."""
    browser: bool = True
    """Open the page in a browser; else its address is printed."""
    device: Annotated[str | None, open_option("NAME")] = None
    """cpu, cuda, ... Default: the best there is."""


@dataclass(frozen=True, kw_only=True)
class Tasks(Command):
    """List the tasks that `vlmrm train` knows."""

    names: Annotated[Positional[tuple[str, ...]], arg(metavar="[TASK|SCENE ...]", help_behavior_hint="")] = ()
    """Only these, or all of a scene, like humanoid. Default: all."""
    json: bool = False
    """Print JSON with everything about each task."""


@dataclass(frozen=True, kw_only=True)
class Models(Command):
    """List the models that come with the package, and say how to name others."""

    names: Annotated[Positional[tuple[str, ...]], arg(metavar="[MODEL ...]", help_behavior_hint="")] = ()
    """Only these, with all words that they know. Default: all, without words."""
    json: bool = False
    """Print JSON instead of a table."""
