"""`search_camera`: the view of a MuJoCo task that separates goal frames best.

Every view draws the same states, so that views differ in nothing else. First a grid of azimuths and elevations around
the task's camera, then random steps from the best so far, smaller and smaller, which move distance and aim as well.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from vlmrm.data import TaskStates
from vlmrm.errors import SpecError
from vlmrm.rendering import Camera
from vlmrm.report.scorers import Encoders
from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.features.cameras import JOINS, CamerasOptions, joins_as_usual, require_known
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.spec import RewardSpec
from vlmrm.search.found import Exam, Found, SearchResult, judge_found, rank
from vlmrm.search.proposals import plain_spec
from vlmrm.search.separation import separation_of
from vlmrm.search.split import DRAWN_AGAIN, FAR, ReadFrames, read_source, require_enough
from vlmrm.search.views import CameraSearch, grid_around, steps_from
from vlmrm.tasks import Task

_JUDGED = 3  # views drawn anew for the held-out frames
_PARENTS = 3
_PAIR = ("first", "second")
_MOSTLY = 0.5
Scores = Float[np.ndarray, " n"]
ToldView = Callable[[int, int, float], None]
"""Told how many views have been drawn, of how many, and the best AUROC so far."""


def search_camera(
    task: Task,
    *,
    rewards: Mapping[str, RewardSpec] | None = None,
    around: Camera | str | None = None,
    options: CameraSearch | None = None,
    progress: ToldView | None = None,
) -> SearchResult:
    """Search for a view from which a reward separates goal frames better.

    Args:
        task: A MuJoCo task that names what draws its states.
        rewards: Rewards to compare from every view, by name; the first is what the search begins with. None: the
            task's own.
        around: Camera to begin with, or the name of one of the task's cameras. None: the task's only one.
        options: Which views. None: 80 views of 60 states.
        progress: Told of each view.

    Raises:
        SpecError: If there is no free camera to begin with, the task has no states, or too few labels on a side.
    """
    options, start = options or CameraSearch(), _start(task, around)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of frames that a model does not know, once for each view
        compared = {name: _of_one(spec, task) for name, spec in (rewards or {"": task.reward}).items()}
        views = _Views(replace(task, camera=start, cameras={}, reward=next(iter(compared.values()))), compared)
        shipped, *tried = _all_views(views, start, options, progress)
        tried += views.pairs(rank(shipped, tried), options)
        remarks = [*views.remarks, DRAWN_AGAIN]
        if options.finalists:
            best = [one for one in rank(shipped, tried)[: options.finalists] if one is not shipped]
            remarks.append(
                f"Of {len(tried) + 1:,} tried on {options.frames} states, the best {len(best)} were compared on "
                f"{options.final_frames} others."
            )
            shipped, *tried = (
                views.again(one, options.final_frames, options.seed + 2 * FAR) for one in [shipped, *best]
            )
        remarks += views.strange(rank(shipped, tried)[0], options)
        far = (options.held_out, options.seed + FAR)
        searched, held_out = views.read(start, options.frames, options.seed), views.read(start, *far)
        require_enough(searched, held_out, task.name)
        exam = Exam(
            what="camera",
            given=next(iter(compared.values())),
            searched=searched.in_goal,
            in_goal=held_out.in_goal,
            groups=held_out.for_intervals,
            score=lambda one: views.score(one, *far),
            remarks=remarks,
        )
        return judge_found(exam, shipped, tried, most=_JUDGED)


def _of_one(spec: RewardSpec, task: Task) -> RewardSpec:
    """The reward of one picture; a task with several cameras has filled them in."""
    if spec.cameras is None or joins_as_usual(spec, tuple(task.cameras)):
        return replace(spec, cameras=None)
    raise SpecError(
        f"the reward joins {', '.join(spec.cameras.names)} in a way of its own, and a search moves one camera. Leave "
        "cameras out of the reward; pairs of the options tries how two views join."
    )


def _start(task: Task, around: Camera | str | None) -> Camera:
    if isinstance(around, str):
        if not task.cameras:
            raise SpecError(f"{task.name} has no several cameras of which {around!r} could be one. Leave out around.")
        require_known("--around and around=", [around], tuple(task.cameras))
        around = task.cameras[around]
    camera = around or task.camera
    if camera is None and task.cameras:
        raise SpecError(
            f"{task.name} has the cameras {', '.join(task.cameras)}, and one is moved at a time. Say from which to "
            "begin, with --around NAME or around=, and whether pairs of views are to be tried, with pairs."
        )
    if camera is None:
        raise SpecError(
            f"{task.name} has no camera of MuJoCo that could be moved: its environment draws itself. Only tasks with a "
            "[camera] can be searched; for a MuJoCo environment without one give around=Camera(...)."
        )
    if camera.name is not None:
        raise SpecError(
            f"the camera {camera.name!r} stands where the XML says. Give around=Camera(lookat_m=..., distance_m=...) "
            "to begin with a free one."
        )
    return camera


class _Views:
    """A task from any camera, read by the models of some rewards; what was read is kept."""

    def __init__(self, task: Task, rewards: Mapping[str, RewardSpec]) -> None:
        encoders, self.remarks = Encoders(), list[str]()
        self.name = task.name
        self._task, self._models = task, dict[str, RewardModel]()
        for name, spec in rewards.items():
            plain, remarks = plain_spec(spec)
            self._models[name] = encoders.reward(plain)
            self.remarks += [one for one in remarks if one not in self.remarks]
        self._read: dict[tuple[str, str | None, Camera | None, int, int], ReadFrames] = {}

    def read(self, camera: Camera | None, n: int, seed: int, model: RewardModel | None = None) -> ReadFrames:
        """Draw and read n states from a camera; None: the task's own."""
        camera, reader = camera or self._task.camera, model or next(iter(self._models.values()))
        key = (reader.fingerprint, reader.spec.render_quality, camera, n, seed)
        if key not in self._read:
            source = TaskStates(task=replace(self._task, camera=camera), n=n, seed=seed)
            self._read[key] = read_source(source, reader)
        return self._read[key]

    def try_all(self, camera: Camera, n: int, seed: int) -> list[Found]:
        """Every reward from one camera."""
        return [
            self._found(camera, name, model, self.read(camera, n, seed, model)) for name, model in self._models.items()
        ]

    def again(self, one: Found, n: int, seed: int) -> Found:
        """The same reward and camera on other states."""
        in_goal = self.read(one.views[0], n, seed, self._model(one)).in_goal
        return replace(one, search=separation_of(self.score(one, n, seed), in_goal))

    def score(self, one: Found, n: int, seed: int) -> Float[np.ndarray, " n"]:
        """Scores of other states."""
        model = self._model(one)
        scores = [_scores(model, self.read(camera, n, seed, model)) for camera in one.views]
        return scores[0] if one.spec.cameras is None else _joined(one.spec.cameras, scores)

    def pairs(self, ranked: Sequence[Found], options: CameraSearch) -> list[Found]:
        """The best views, each together with every other one of the same reward."""
        read = (options.frames, options.seed)
        alone = [(one, self.score(one, *read)) for one in ranked]
        tried = dict[frozenset[str], list[Found]]()
        for one, own in alone[: options.pairs]:
            for other, others in alone:
                both = frozenset((one.name, other.name))
                if other.spec is one.spec and other is not one and both not in tried:
                    tried[both] = self._paired(one, other, (own, others), options)
        return [pair for both in tried.values() for pair in both]

    def _paired(self, one: Found, other: Found, scores: Sequence[Scores], options: CameraSearch) -> list[Found]:
        in_goal = self.read(one.views[0], options.frames, options.seed, self._model(one)).in_goal
        joined = [CamerasOptions(names=_PAIR, join=join) for join in JOINS]
        return [
            Found(
                name=f"{how.join} of {one.name} and {other.name}",
                spec=replace(one.spec, cameras=how),
                cameras=dict(zip(_PAIR, (*one.views, *other.views), strict=True)),
                search=separation_of(_joined(how, scores), in_goal),
            )
            for how in joined
        ]

    def strange(self, one: Found, options: CameraSearch) -> list[str]:
        """A remark where the model knows little of what a camera shows."""
        model = self._model(one)
        if model.encoder.domain is None or model.spec.views is not None:
            return []
        read = [self.read(camera, options.frames, options.seed, model) for camera in one.views]
        seen = FrameFeatures.join([frames.features for frames in read]).embeddings
        shares = {name: float(rows.double().mean()) for name, rows in model.encoder.domain.strange_frames(seen).items()}
        return [
            f"{share:.0%} of the frames from the best view look like nothing {name} was trained on."
            for name, share in shares.items()
            if share > _MOSTLY
        ]

    def _model(self, one: Found) -> RewardModel:
        alone = one.spec if one.spec.cameras is None else replace(one.spec, cameras=None)
        return next(model for model in self._models.values() if model.spec == alone)

    def _found(self, camera: Camera, name: str, model: RewardModel, frames: ReadFrames) -> Found:
        view = f"{name}, {_said(camera)}" if name else _said(camera)
        found = separation_of(_scores(model, frames), frames.in_goal)
        return Found(name=view, spec=model.spec, camera=camera, search=found)


def _scores(model: RewardModel, frames: ReadFrames) -> Float[np.ndarray, " n"]:
    scores: Float[np.ndarray, " n"] = model.score(frames.features).double().numpy()
    return scores


def _joined(how: CamerasOptions, scores: Sequence[Float[np.ndarray, " n"]]) -> Float[np.ndarray, " n"]:
    """Scores of frames from several cameras as one, in the order of the cameras."""
    joined: Float[np.ndarray, " n"] = how.joined(torch.from_numpy(np.stack(scores, axis=1))).numpy()
    return joined


def _all_views(views: _Views, start: Camera, options: CameraSearch, progress: ToldView | None) -> Sequence[Found]:
    """The grid, then generations of steps; the first camera with the first reward comes first."""
    cameras, tried, done, generation = grid_around(start, options), list[Found](), 0, 0
    first = views.read(start, options.frames, options.seed)
    require_enough(first, None, views.name)
    while cameras:
        for camera in cameras:
            tried += views.try_all(camera, options.frames, options.seed)
            done += 1
            if progress is not None:
                progress(done, options.views, max(one.search.auroc for one in tried))
        ranked = rank(tried[0], tried[1:])
        parents = list(dict.fromkeys(one.camera for one in ranked if one.camera is not None))[:_PARENTS]
        count = min(options.generation, options.views - done)
        cameras = list(steps_from(parents, start, options, generation=generation, count=count))
        generation += 1
    return tried


def _said(camera: Camera) -> str:
    place = f"azimuth {camera.azimuth_deg:g}, elevation {camera.elevation_deg:g}, {camera.distance_m:g} m away"
    if camera.lookat_m is None:
        return place
    return f"{place}, at {', '.join(f'{value:g}' for value in camera.lookat_m)}"
