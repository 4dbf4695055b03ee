"""What scoring every picture with every text costs, against the product of their embeddings alone.

    python scripts/pairs_speed.py

On given embeddings of width 512, 1,000 pictures and 1,000 texts, one thread; the ratio is the median over pairs of runs
that alternate.
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from vlmrm import PromptSet, RewardSpec
from vlmrm.rewards.score import build_pairs

WIDTH, COUNT, PAIRS = 512, 1000, 15
HEADS = {
    "cosine": {"alpha": 0.0},
    "projection": {"alpha": 0.5},
    "contrast": {"head": "contrast"},
    "sigmoid": {"head": "sigmoid", "options": {"scale": 100.0, "bias": -10.0}},
    "softmax": {"head": "softmax"},
    "clip_score": {"alpha": 0.0, "scaling": {"divide": 0.4, "lowest": 0.0}},
}


class Random:
    """An encoder whose sentences are random unit vectors."""

    name, fingerprint, dim, size_px, logit_scale, logit_bias, domain = "random", "random", WIDTH, 8, 100.0, 0.0, None

    def embed_texts(self, texts: list[str]) -> Tensor:
        """Return one vector per sentence."""
        return random_rows(len(texts), seed=len(texts[0]))


def random_rows(count: int, *, seed: int) -> Tensor:
    """Return unit-length rows."""
    return normalize(torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed)), dim=1)


def seconds(run: Callable[[], Tensor]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Print one row per head."""
    torch.set_num_threads(1)
    images, texts = random_rows(COUNT, seed=0), random_rows(COUNT, seed=1)
    prompts = PromptSet("a goal", "a baseline that is longer", ["something else", "another thing"])
    print(f"{'head':<12} times the matrix product")
    for name, said in HEADS.items():
        spec = RewardSpec.from_dict({"encoder": "random", "prompts": {**vars(prompts)}, **said})
        head = build_pairs(Random(), spec)  # type: ignore[arg-type]
        head(images, texts)
        ratios = [seconds(lambda h=head: h(images, texts)) / seconds(lambda: images @ texts.T) for _ in range(PAIRS)]
        print(f"{name:<12} {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    with torch.inference_mode():
        main()
