"""TRL's own trainers take what is handed over: two updates of GRPO, RLOO and DPO of a tiny untrained LLaVA."""

import math
from importlib import import_module

import numpy as np
import pytest
import torch
from PIL import Image

from tests.docs_blocks import ROOT, blocks_of
from tests.judges import tiny_llava
from vlmrm import RewardModel, RewardSpec
from vlmrm.rlcf import as_trl, preference_pairs

datasets, trl = import_module("datasets"), import_module("trl")  # after tiny_llava, which mends torchvision
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:transformers")  # TRL calls names that it has renamed

ASKED = "Describe the picture."
SAID = ["a", "pole", "cart", "pendulum", "upright", "down", "left", "right"]
WORDS = [*tiny_llava.SPECIAL, "USER:", "▁BOT:", *(f"▁{word}" for word in [*ASKED.split(), *SAID])]
TEMPLATE = (
    "<s>{% for message in messages %}{{ 'USER:' if message['role'] == 'user' else ' BOT:' }}"
    "{% for part in message['content'] %}{{ '<image>' if part['type'] == 'image' else ' ' + part['text'] }}"
    "{% endfor %}{{ '</s>' if message['role'] == 'assistant' }}{% endfor %}{{ ' BOT:' if add_generation_prompt }}"
)
NAME = "random:sim-xs_reward"
MAY_SAY = ["</s>", *SAID]  # an <image> that it says would have no picture
UNSAID = {"suppress_tokens": [word for word in range(len(WORDS)) if WORDS[word].lstrip("▁") not in MAY_SAY]}


@pytest.fixture(scope="module")
def reward():
    return RewardModel.from_spec(RewardSpec.from_dict({"encoder": "random:sim-xs", "alpha": 0.0}))


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    """The folder of the model, as `from_pretrained` takes it."""
    folder = tmp_path_factory.mktemp("policy")
    model = tiny_llava.tiny_llava(WORDS)
    model.config.text_config.attention_dropout = 0.0
    model.save_pretrained(folder)
    tiny_llava.processor(template=TEMPLATE, words=WORDS).save_pretrained(folder)
    return str(folder)


def pictures(count):
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 256, (40, 56, 3), np.uint8)) for _ in range(count)]


def two_updates(trainer):
    """Train, and return what was logged of both; every group of weights has moved and is finite."""
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.train()
    for name, value in trainer.model.state_dict().items():
        assert torch.isfinite(value).all(), name
    moved = " ".join(name for name, value in trainer.model.state_dict().items() if not torch.equal(value, before[name]))
    assert all(part in moved for part in ("vision_tower", "multi_modal_projector", "language_model", "lm_head"))
    return trainer.state.log_history[:2]


def settings(folder, **more):
    return {
        "output_dir": str(folder),
        "max_steps": 2,
        "learning_rate": 1e-2,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
    } | more


def trained(kind, policy, rewards, rows, folder):
    """What `kind` logged of two updates; two groups of eight completions each."""
    made = settings(folder, num_generations=8, per_device_train_batch_size=16, max_completion_length=3)
    config = getattr(trl, f"{kind}Config")(generation_kwargs=UNSAID, log_completions=True, **made)
    data = datasets.Dataset.from_list([{"prompt": [{"role": "user", "content": ASKED}], **row} for row in rows])
    return two_updates(
        getattr(trl, f"{kind}Trainer")(model=policy, reward_funcs=rewards, args=config, train_dataset=data)
    )


@pytest.mark.parametrize("kind", ["GRPO", "RLOO"])
def test_a_policy_is_trained_and_a_group_s_picture_is_embedded_once(kind, reward, policy, tmp_path):
    said = []
    reward_function = as_trl(reward, text_from=lambda text: said.append(text) or text)
    logged = trained(kind, policy, reward_function, [{"image": shown} for shown in pictures(4)], tmp_path)
    assert len(said) == 2 * 16
    assert set(" ".join(said).split()) <= set(SAID)
    assert reward_function.embedded == len(said) / 8
    assert all(row[f"rewards/{NAME}/std"] > 0 and math.isfinite(row[f"rewards/{NAME}/mean"]) for row in logged)
    assert [row[f"{NAME}/without_picture"] for row in logged] == [0.0, 0.0]


def test_rows_without_a_picture_are_skipped_or_paid_by_each_of_two_rewards(reward, policy, tmp_path):
    rewards = [as_trl(reward), as_trl(reward, name="paid", on_missing=-1.0)]
    logged = trained(
        "RLOO", policy, rewards, [{"images": [shown]} for shown in pictures(3)] + [{"images": []}], tmp_path
    )
    assert sorted(row["paid/without_picture"] for row in logged) == [0.0, 8.0]
    for row in logged:
        seen, share = row[f"rewards/{NAME}/mean"], row["paid/without_picture"] / 16
        assert row["rewards/paid/mean"] == pytest.approx((1 - share) * seen - share, abs=1e-6)


def test_preference_pairs_train_a_policy_as_they_are(reward, policy, tmp_path):
    rows = preference_pairs(reward, pictures(4), [["a pole upright", "cart down", "left"]] * 4, prompt=ASKED)
    trainer = trl.DPOTrainer(
        model=policy,
        args=trl.DPOConfig(**settings(tmp_path, per_device_train_batch_size=2)),
        train_dataset=datasets.Dataset.from_list(rows),
    )
    logged = two_updates(trainer)
    assert logged[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)  # before the first update it prefers nothing
    assert logged[1]["rewards/margins"] > 0


def test_the_example_of_the_docs_trains(policy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = (block for block in blocks_of(ROOT / "docs/adaptation.md") if "GRPOTrainer(" in block.code)
    less = "max_steps=1, use_cpu=True"
    own = {
        "Qwen/Qwen2.5-VL-3B-Instruct": policy,
        "ViT-L-14/openai": "sim-xs",
        'GRPOConfig("grpo", max_steps=100)': f'GRPOConfig("grpo", {less}, generation_kwargs={UNSAID})',
        'DPOConfig("dpo", max_steps=100)': f'DPOConfig("dpo", {less})',
    }
    code = block.code
    for printed, here in own.items():
        assert printed in code
        code = code.replace(printed, here)
    exec(compile(code, block.place, "exec"), {})
    assert sorted(path.parent.name for path in tmp_path.glob("*/checkpoint-1")) == ["dpo", "grpo"]
