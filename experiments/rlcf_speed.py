"""What an episode of adaptation costs, in ratios: the same steps in three schedules, side by side in one process.

    python experiments/rlcf_speed.py          (about 10 minutes on 1 core)

- *lean*: views are encoded without a graph, and only the chosen ones with one, as `vlmrm.rlcf` does it.
- *RLCF's own*: the first step encodes all views with a graph, later ones the chosen views.
- *all views*: each step encodes all views with a graph.

Schedules alternate; ratios are medians over pairs. Activations are what the graphs of an episode keep at most, counted
by the tensors that are saved for the backward pass. Results go to ``experiments/results/rlcf_speed.md``.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from vlmrm import RewardModel, RewardSpec
from vlmrm.atomic import whole_file
from vlmrm.encoders.towers.state import TowerState
from vlmrm.rlcf import Adapter, AdaptOptions, ClipClassifier
from vlmrm.rlcf.methods import Evidence, Loss, find_method
from vlmrm.rlcf.policy import PictureQueries, Sight, TunedEncoder
from vlmrm.rlcf.training_free import AutoClip, Mta, Tda, Zero
from vlmrm.rlcf.training_free.view_features import ViewFeatures
from vlmrm.rlcf.views import ViewOptions, most_confident, random_of

RESULTS = Path(__file__).resolve().parent / "results"
CLASSES = tuple(f"thing number {number}" for number in range(81))
VIEWS = ViewOptions(count=64, smallest=0.8, flip=False)
OPTIONS = AdaptOptions(tune="image", learning_rate=1e-4, steps=3, candidates=3, views=VIEWS)
EPISODES = {"sim-xs": (9, 1.3, 2.5), "sim-m": (5, 1.6, 4.0), "random:ViT-B-32": (3, 1.6, 4.0)}
"""Pairs of each policy, and the ratios that are asked for over RLCF's own schedule and over all views."""
TEMPLATES = tuple(f"picture number {number} of a {{}}" for number in range(8))
PICTURES, FEW = 64, 2


class Episode:
    """One picture, one policy, and the reward of each class, from the same start in each schedule."""

    def __init__(self, policy: str) -> None:
        classifier = ClipClassifier.load(policy, CLASSES, "{}")
        self.tuned = TunedEncoder(classifier.encoder, OPTIONS)
        self._side = PictureQueries(self.tuned, classifier.sentences)
        self._picture = noise(1)
        self._rewards = torch.rand(1, len(CLASSES), generator=torch.Generator().manual_seed(1))
        self._start = [parameter.detach().clone() for parameter in self.tuned.parameters]

    def run(self, name: str, steps: int = OPTIONS.steps) -> Tensor:
        """Adapt in a schedule, and return the logits of the chosen views afterwards.

        Args:
            name: Name of the schedule.
            steps: Number of steps, at least 1.
        """
        with torch.no_grad():
            for parameter, start in zip(self.tuned.parameters, self._start, strict=True):
                parameter.copy_(start)
        sight, _ = self._side.view(self._picture, OPTIONS)
        optimiser = torch.optim.AdamW(self.tuned.parameters, lr=OPTIONS.learning_rate, weight_decay=0.0, fused=True)
        for step in range(steps):
            views = SCHEDULES[name](sight, step)
            if step == 0:
                rows, loss_of = self._begin(sight, views)
            chosen = sight.logits(rows) if views is None else views[rows]
            optimiser.zero_grad()
            torch.autograd.backward(loss_of(chosen, sight))
            optimiser.step()
        with torch.no_grad():
            return sight.logits(rows)

    def _begin(self, sight: Sight, views: Tensor | None) -> tuple[Tensor, Loss]:
        with torch.no_grad():
            seen = sight.logits() if views is None else views.detach()
        rows = most_confident(seen, VIEWS.kept)
        rewards = self._rewards.expand(len(rows), -1)
        evidence = Evidence(
            start=seen[rows],
            rewards=lambda: rewards,
            reward_logits=lambda: rewards,
            random=random_of(0, b"speed"),
            options=OPTIONS,
        )
        return rows, find_method(OPTIONS.method)(evidence)


LEAN, OWN, EVERY = "lean", "RLCF's own", "all views"
SCHEDULES: dict[str, Callable[[Sight, int], Tensor | None]] = {
    LEAN: lambda sight, step: None,
    OWN: lambda sight, step: sight.logits() if step == 0 else None,
    EVERY: lambda sight, step: sight.logits(),
}


def noise(count: int) -> Tensor:
    """Pictures that say nothing."""
    return torch.randint(0, 256, (count, 240, 240, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def seconds(what: Callable[[], object]) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    what()
    return time.perf_counter() - begun


def saved_bytes(what: Callable[[], object]) -> int:
    """Bytes that the graphs of a call keep for their backward passes, beside weights."""
    held: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        what()
    return sum(held.values())


def schedules() -> list[str]:
    """Ratios of the schedules, a row for each policy."""
    lines = []
    for policy, (pairs, own, every) in EPISODES.items():
        episode = Episode(policy)
        episode.run(LEAN)  # memory is taken for the first time
        ends: dict[str, Tensor] = {}
        times: dict[str, list[float]] = {name: [] for name in SCHEDULES}
        for _ in range(pairs):
            for name in SCHEDULES:
                begun = time.perf_counter()
                ends[name] = episode.run(name)
                times[name].append(time.perf_counter() - begun)
        apart = max(float((end - ends[LEAN]).abs().max()) for end in ends.values())
        over_own, over_every = (ratio(times[name], times[LEAN]) for name in (OWN, EVERY))
        kept = {name: saved_bytes(partial(episode.run, name, steps=1)) / 1e6 for name in (LEAN, OWN)}
        lean = 1000 * median(times[LEAN])
        lines.append(
            f"| {policy} | {lean:.0f} | {over_own:.2f} (aim {own}) | {over_every:.2f} (aim {every}) | "
            f"{kept[LEAN]:.0f} of {kept[OWN]:.0f} MB: {kept[LEAN] / kept[OWN]:.2f} (aim 0.25) | {apart:.0e} |"
        )
        print(lines[-1], flush=True)
    return lines


def resets() -> list[str]:
    """The share of an episode that putting every byte back takes, of an adapter as it is used."""
    lines = []
    for policy in ("sim-xs", "sim-m"):
        classifier = ClipClassifier.load(policy, CLASSES, "{}")
        reward = RewardModel.from_spec(RewardSpec.clip_score("random:sim-s"))
        adapter, picture = Adapter(classifier, reward, options=OPTIONS), noise(1)
        state = TowerState(adapter.policy.encoder.model, adapter.policy.parameters)
        whole = median(seconds(partial(adapter.answer, picture)) for _ in range(7))
        back = median(seconds(state.put_back) for _ in range(21))
        lines.append(f"| {policy} | {1000 * whole:.0f} | {1000 * back:.1f} | {100 * back / whole:.1f} % (aim 5 %) |")
        print(lines[-1], flush=True)
    return lines


def without_training() -> list[str]:
    """What methods without training add to the embeddings that they need."""
    lines = []
    for policy in ("random:ViT-B-32", "sim-xs", "sim-m"):
        classifier, pictures = ClipClassifier.load(policy, CLASSES, "a {}"), noise(PICTURES)
        plain = partial(classifier.predict, pictures)
        for name, whole in (("AutoCLIP", AutoClip(classifier, TEMPLATES)), ("TDA", Tda(classifier))):
            lines.append(
                added(policy, f"{name}, {PICTURES} pictures", plain, partial(whole.predict, pictures), pairs=5)
            )
        views = partial(embed_views, ViewFeatures(classifier, VIEWS, seed=0), pictures[:FEW])
        for name, method in (("ZERO", Zero(classifier, VIEWS)), ("MTA", Mta(classifier, VIEWS))):
            lines.append(
                added(policy, f"{name}, {FEW} pictures", views, partial(method.predict, pictures[:FEW]), pairs=3)
            )
    return lines


def embed_views(features: ViewFeatures, pictures: Tensor) -> None:
    """Encode the views of pictures, and nothing else."""
    with torch.inference_mode():
        for picture in pictures:
            features.of(picture[None])


def added(policy: str, name: str, plain: Callable[[], object], more: Callable[[], object], *, pairs: int) -> str:
    """A row of the table: what one call takes more than another."""
    rows = [(seconds(plain), seconds(more)) for _ in range(pairs)]
    share = ratio([second for _, second in rows], [first for first, _ in rows]) - 1
    milliseconds = 1000 * median(second - first for first, second in rows)
    line = f"| {policy} | {name} | {milliseconds:+.0f} | {100 * share:+.1f} % |"
    print(line, flush=True)
    return line


def ratio(slow: Sequence[float], quick: Sequence[float]) -> float:
    """Median of the ratios of pairs."""
    return median(first / second for first, second in zip(slow, quick, strict=True))


def main() -> None:
    """Measure all, and write the page."""
    parts = [_HEAD, *schedules(), _RESET, *resets(), _WITHOUT, *without_training(), ""]
    with whole_file(RESULTS / "rlcf_speed.md") as aside:
        aside.write_text("\n".join(parts), encoding="utf-8")


_HEAD = """# What an episode of adaptation costs

Made by `python experiments/rlcf_speed.py` on a CPU, weights that are shipped or random; 64 views of which 6 are kept, 3
steps on the picture tower. Ratios are medians of pairs that alternate in one process: 9, 5 and, of ViT-B-32, 3.

| policy | lean, ms | RLCF's own schedule | all views at every step | kept for the first backward pass | logits apart |
|---|---|---|---|---|---|"""
_RESET = """
| policy | whole episode with a reward, ms | putting every byte back, ms | share |
|---|---|---|---|"""
_WITHOUT = """
What methods without training add to zero-shot in one batch (AutoCLIP, TDA), or to encoding 64 views (ZERO, MTA); aim:
at most 5 % on ViT-B-32.

| policy | method | ms more | adds |
|---|---|---|---|"""


if __name__ == "__main__":
    main()
