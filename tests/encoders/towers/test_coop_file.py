"""Files of CoOp: what its published code saves is read, and nothing in them is run."""

import pickle
import shlex
import subprocess
import sys

import pytest
import torch

from vlmrm.encoders.towers.coop_file import read_coop
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.learned_words import add_context
from vlmrm.errors import EncoderError

CLASSES = ["cart", "pole", "mountain car"]


def state_dict(encoder, count=4):
    """The buffers of CoOp's PromptLearner: start token, learned vectors, and class with all that follows it."""
    prompts = encoder.tokenizer([f"{'X ' * count}{name}." for name in CLASSES])
    vectors = encoder.model.token_embedding(prompts).detach()  # k t w
    ctx = torch.randn(count, vectors.shape[2], generator=torch.Generator().manual_seed(0)) * 0.02
    return {"ctx": ctx, "token_prefix": vectors[:, :1], "token_suffix": vectors[:, 1 + count :]}


def write(path, state, **more):
    torch.save({"state_dict": state, "epoch": 50, "val_result": None} | more, path)
    return path


@pytest.fixture
def published(tmp_path, builtin_like):
    return write(tmp_path / "model.pth.tar-50", state_dict(builtin_like))


def test_sentences_with_its_vectors_have_the_embeddings_of_coops_own_text_encoder(builtin_like, published):
    encoder = DifferentiableEncoder(builtin_like, copied=())
    model, state = encoder.model, torch.load(published, weights_only=True)["state_dict"]
    context = state["ctx"].expand(len(CLASSES), -1, -1)
    with torch.no_grad():
        vectors = torch.cat([state["token_prefix"], context, state["token_suffix"]], dim=1) + model.positional_embedding
        hidden = model.ln_final(model.transformer(vectors, attn_mask=model.attn_mask))
        ends = encoder.tokenizer([f"X X X X {name}." for name in CLASSES]).argmax(dim=1)
        expected = torch.nn.functional.normalize(hidden[range(len(CLASSES)), ends] @ model.text_projection, dim=1)
    with add_context(encoder, template="a photo of a {}.", start=read_coop(published)):
        embeddings = encoder.embed_texts([f"a photo of a {name}." for name in CLASSES])
    torch.testing.assert_close(embeddings.detach(), expected, atol=1e-5, rtol=0)


def test_half_precision_as_coop_trains_by_default_is_read(tmp_path, builtin_like):
    halves = {name: value.half() for name, value in state_dict(builtin_like).items()}
    start = read_coop(write(tmp_path / "half", halves))
    assert start.vectors.dtype == torch.float32
    add_context(DifferentiableEncoder(builtin_like, copied=()), template="a photo of a {}.", start=start)


def test_a_file_of_other_weights_is_refused(published, builtin_like, siglip_like, tmp_path):
    encoder = DifferentiableEncoder(siglip_like, copied=())
    with pytest.raises(EncoderError, match=r"were learned with other weights than those of"):
        add_context(encoder, template="a photo of a {}.", start=read_coop(published))
    state = state_dict(builtin_like)
    state["token_prefix"] = state["token_prefix"].flip(2)  # as wide, but not this model's
    start = read_coop(write(tmp_path / "other", state))
    with pytest.raises(EncoderError, match=r"Take the encoder that they were learned with"):
        add_context(DifferentiableEncoder(builtin_like, copied=()), template="a photo of a {}.", start=start)


def test_what_holds_more_than_tensors_is_refused_with_the_line_that_converts_it(tmp_path, builtin_like):
    """CoOp's schedule of warm-up keeps another scheduler in its state."""
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 50)
    state = state_dict(builtin_like)
    path = write(tmp_path / "it's a file", state, scheduler={"successor": schedule})
    with pytest.raises(EncoderError, match=r"more than tensors .* If you trust the file's maker") as refusal:
        read_coop(path)
    line = str(refusal.value).splitlines()[-1]
    words = shlex.split(line)
    assert words[:2] == ["python", "-c"]
    subprocess.run([sys.executable, *words[1:]], check=True)
    assert torch.equal(read_coop(f"{path}.tensors").vectors, state["ctx"])


def test_code_in_a_file_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",)

    torch.save({"state_dict": {"ctx": torch.zeros(2, 4)}, "scheduler": Trap()}, tmp_path / "trap")
    (tmp_path / "pickled").write_bytes(pickle.dumps(Trap()))
    for name in ("trap", "pickled"):
        with pytest.raises(EncoderError):
            read_coop(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ({"token_prefix": torch.zeros(1, 1, 4)}, r"holds no ctx beside \['token_prefix'\]"),
        ({"ctx": torch.zeros(3, 4, 8)}, r"ctx of shape \(3, 4, 8\).*for each class \(CSC\)"),
        ({"ctx": torch.zeros(4, 8), "meta_net.linear1.weight": torch.zeros(2, 2)}, r"CoCoOp are not supported"),
        ({"ctx": torch.zeros(4, 8), "token_prefix": torch.zeros(2, 1, 9)}, r"a width of 8, token_prefix of 9"),
        (None, r"is not a file of CoOp: it has no state_dict"),
    ],
)
def test_other_layouts_are_refused(tmp_path, state, found):
    with pytest.raises(EncoderError, match=found):
        read_coop(write(tmp_path / "other", state))


def test_a_missing_or_damaged_file_is_refused(tmp_path, published):
    with pytest.raises(EncoderError, match=r"nowhere cannot be read \(FileNotFoundError"):
        read_coop(tmp_path / "nowhere")
    published.write_bytes(published.read_bytes()[:500])
    with pytest.raises(EncoderError, match=r"cannot be read \(\w+: .*Fetch it again"):
        read_coop(published)
