import pytest
import torch

from tests.encoders.models import BUILTIN_LIKE, write_card, write_model
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.encoders import Domain, DomainWatch, Encoder, ModelCard, cards, list_models, load_encoder
from vlmrm.errors import EncoderError, OutOfDomainWarning

LARGEST_BYTES = 16 * 2**20


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A built-in model `sim-toy` that knows red pictures and the words red and picture."""
    folder = write_card(write_model(tmp_path / "sim-toy", BUILTIN_LIKE, seed=1), ["red", "Picture"])
    encoder = load_encoder(f"local-dir:{folder}", device="cpu")
    shades = torch.zeros(400, 96, 96, 3, dtype=torch.uint8)
    shades[..., 0] = torch.randint(150, 256, (400, 1, 1), generator=torch.Generator().manual_seed(0)).byte()
    classes = torch.zeros(400, dtype=torch.int64)
    Domain.fit(encoder.embed_frames(shades), classes, words={"red things": ["red", "Picture"]}).save(folder)
    monkeypatch.setattr(cards, "BUILTIN_FOLDER", tmp_path)
    return folder


def test_a_built_in_model_is_loaded_by_its_bare_name_with_its_domain(toy):
    encoder = load_encoder("sim-toy", device="cpu")
    assert isinstance(encoder.domain, Domain)
    assert encoder.domain.model == "sim-toy"
    assert encoder.domain.words == {"red things": {"red", "picture"}}
    assert isinstance(encoder, Encoder)
    assert (encoder.name, encoder.size_px, encoder.dim, encoder.logit_bias) == ("sim-toy", 96, 128, 0.0)
    assert encoder.logit_scale == pytest.approx(1 / 0.07, rel=1e-2)
    assert encoder.preprocessing.resize_mode == "longest"


def test_the_domain_changes_no_embedding(toy):
    known, plain = load_encoder("sim-toy", device="cpu"), load_encoder(f"local-dir:{toy}", device="cpu")
    assert plain.domain is None
    red = torch.zeros(3, 96, 96, 3, dtype=torch.uint8)
    red[..., 0] = 200
    assert torch.equal(known.embed_frames(red), plain.embed_frames(red))
    assert torch.equal(known.embed_texts(["a red picture"]), plain.embed_texts(["a red picture"]))


def test_a_strange_frame_and_a_strange_word_give_a_warning_each(toy):
    encoder = load_encoder("sim-toy", device="cpu")
    watch = DomainWatch(encoder)
    with pytest.warns(OutOfDomainWarning, match="2 of the last 2 frames look like nothing 'sim-toy' was trained on"):
        watch.see(encoder.embed_frames(torch.randint(0, 256, (2, 400, 600, 3), dtype=torch.uint8)))
    with pytest.warns(OutOfDomainWarning, match="'kneeling' is in no sentence.*'robot' is in no"):
        watch.read(["a kneeling robot"])


def test_its_untrained_twin_has_no_domain_and_other_weights(toy):
    twin, model = load_encoder("random:sim-toy#3", device="cpu"), load_encoder("sim-toy", device="cpu")
    assert twin.domain is None
    assert twin.name == "random:sim-toy#3"
    assert twin.preprocessing == model.preprocessing
    assert not torch.allclose(twin.embed_texts(["red"]), model.embed_texts(["red"]), atol=1e-2)


def test_a_spec_builds_a_reward_with_it(toy):
    spec = RewardSpec(encoder="sim-toy", prompts=PromptSet("a red picture", "a picture"), resize_mode="squash")
    reward = RewardModel.from_spec(spec, device="cpu", precision="fp32")
    assert reward.encoder.preprocessing.resize_mode == "squash"


def test_the_list_of_models_says_what_each_knows(toy):
    (card,) = list_models()
    tensors = load_encoder(f"local-dir:{toy}", device="cpu").model.state_dict().values()
    assert card == ModelCard(
        name="sim-toy",
        description="A toy.",
        knows=("red things", "blue things"),
        words=frozenset({"red", "picture"}),
        words_by_scene={"red things": frozenset({"red", "picture"})},
        size_px=96,
        dim=128,
        parameters=sum(tensor.numel() for tensor in tensors),
        works_offline=True,
    )


@pytest.mark.parametrize("file", ["card.json", "open_clip_model.safetensors"])
def test_a_damaged_built_in_model_is_an_error_that_names_the_file_set(toy, file):
    (toy / file).write_bytes(b"{}")
    with pytest.raises(EncoderError, match="incomplete or damaged"):
        list_models()


def test_a_built_in_model_without_its_domain_is_an_error(toy):
    (toy / "domain.safetensors").unlink()
    with pytest.raises(EncoderError, match="domain of the model"):
        load_encoder("sim-toy", device="cpu")


def test_every_model_of_the_package_is_complete_small_and_loads():
    for card in list_models():
        encoder = load_encoder(card.name, device="cpu")
        assert (encoder.name, encoder.size_px, encoder.dim) == (card.name, card.size_px, card.dim)
        assert card.description
        assert card.knows
        assert (cards.BUILTIN_FOLDER / card.name / "open_clip_model.safetensors").stat().st_size <= LARGEST_BYTES


def test_how_many_frames_are_taken_at_a_time_can_be_said_and_changes_no_reward(toy):
    frames = torch.randint(0, 256, (5, 96, 96, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    spec = RewardSpec(encoder=f"local-dir:{toy}", prompts=PromptSet("a red picture", "a picture"))
    two, all_at_once = (RewardModel.from_spec(spec, device="cpu", batch_size=size) for size in (2, None))
    assert (two.encoder.runtime.batch_size, all_at_once.encoder.runtime.batch_size) == (2, 32)
    torch.testing.assert_close(two.score(frames), all_at_once.score(frames), atol=1e-6, rtol=0)
    both = load_encoder(f"local-dir:{toy} + random:sim-toy", device="cpu", batch_size=3)
    assert {member.runtime.batch_size for member in both.members} == {3}
