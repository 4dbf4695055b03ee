"""`tune` by svd, lora, coop and cocoop: what gets better, what stays as it was, and what is kept."""

import json
from importlib import import_module

import pytest
import torch
from safetensors.torch import load_file

from tests.encoders.models import BUILTIN_LIKE, write_model
from tests.fitting.tuning.models import FRAMES, LABELS, PROMPTS, bars, encoder_of, spec_of
from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import EncoderError, SpecError
from vlmrm.fitting import calibrate, fit, standardize, tune
from vlmrm.fitting.tuning.options import TUNERS
from vlmrm.fitting.tuning.train import ranking_loss
from vlmrm.rewards.heads.ensemble import Part

pytestmark = pytest.mark.filterwarnings("ignore::vlmrm.errors.OutOfDomainWarning")  # sim-xs learns what bars are
WRITE = ("svd", "lora")
QUICK = {"steps": 6}


@pytest.fixture(scope="module", params=["sim-xs", "vit"])
def plain(request, tmp_path_factory):
    encoder = encoder_of(request.param, tmp_path_factory.mktemp("model") / request.param)
    return RewardModel(encoder, spec_of(encoder))


@pytest.fixture(scope="module")
def sensible():
    """One whose sentences mean something."""
    encoder = encoder_of("sim-xs", None)
    return RewardModel(encoder, spec_of(encoder))


def tuned_by(reward, method, folder, **options):
    out = {"out": folder / "tuned"} if method in WRITE else {}
    return tune(reward, FRAMES, LABELS, method=method, options=QUICK | options, **out)


def build(spec):
    return RewardModel.from_spec(spec, device="cpu")


def loss_of(reward, temperature):
    return float(ranking_loss(reward.score(FRAMES), torch.tensor(LABELS, dtype=torch.float32), temperature=temperature))


@pytest.mark.parametrize("method", TUNERS)
def test_frames_are_ranked_better_than_before_those_of_other_places_too(sensible, method, tmp_path):
    tuned = tuned_by(sensible, method, tmp_path, steps=20)
    spread = float(sensible.score(FRAMES).std(correction=0))
    assert loss_of(tuned, spread) < loss_of(sensible, spread)
    others = bars([4, 7, 42, 48])
    gaps = [scores[:2].mean() - scores[2:].mean() for scores in (sensible.score(others), tuned.score(others))]
    assert gaps[1] > gaps[0]


@pytest.mark.parametrize("method", TUNERS)
def test_the_encoder_that_was_given_stays_as_it_was(plain, method, tmp_path):
    inner = plain.encoder
    before = {name: value.clone() for name, value in inner.model.state_dict().items()}
    scores = plain.score(FRAMES)
    tuned_by(plain, method, tmp_path)
    assert all(torch.equal(value, before[name]) for name, value in inner.model.state_dict().items())
    assert torch.equal(plain.score(FRAMES), scores)
    assert not any(parameter.requires_grad for parameter in inner.model.parameters())


@pytest.mark.parametrize("method", TUNERS)
def test_a_tuned_reward_comes_out_of_its_file_with_the_same_scores(plain, method, tmp_path):
    tuned = tuned_by(plain, method, tmp_path)
    tuned.spec.save(tmp_path / "reward.json")
    again = build(tmp_path / "reward.json")
    assert torch.equal(again.score(FRAMES), tuned.score(FRAMES))
    assert again.spec.prompts == PROMPTS


@pytest.mark.parametrize("method", WRITE)
def test_the_folder_says_how_it_came_about_and_is_no_larger_than_it_must_be(plain, method, tmp_path):
    tuned = tuned_by(plain, method, tmp_path)
    assert tuned.spec.encoder == f"local-dir:{tmp_path / 'tuned'}"
    record = json.loads((tmp_path / "tuned" / "tuning.json").read_text())
    assert (record["tuned_from"], record["method"], record["frames"]) == (plain.encoder.name, method, len(FRAMES))
    assert record["options"]["steps"] == QUICK["steps"]
    assert record["ranking_loss"]["after"] < record["ranking_loss"]["before"]
    weights = load_file(tmp_path / "tuned" / "open_clip_model.safetensors")
    inner = plain.encoder
    assert {name: tuple(value.shape) for name, value in weights.items()} == {
        name: tuple(value.shape) for name, value in inner.model.state_dict().items()
    }
    assert weights["token_embedding.weight"].dtype == torch.float16  # as it was; only what changed is float32


@pytest.mark.parametrize("method", WRITE)
def test_its_seed_decides_the_weights(plain, method, tmp_path):
    scores = [tuned_by(plain, method, tmp_path / str(n), seed=seed).score(FRAMES) for n, seed in enumerate((0, 0, 1))]
    assert torch.equal(scores[0], scores[1])
    assert torch.equal(scores[0], scores[2]) is (method == "svd")  # which draws nothing


def test_the_more_it_costs_to_move_the_less_embeddings_move(plain, tmp_path):
    before = plain.read(FRAMES).embeddings
    moved = [
        float(
            (tuned_by(plain, "svd", tmp_path / str(cost), drift_penalty=cost).read(FRAMES).embeddings - before).norm()
        )
        for cost in (0.0, 30.0)
    ]
    assert moved[1] < moved[0] / 2


@pytest.mark.parametrize("head", [{"head": "softmax"}, {"head": "contrast"}, {"alpha": 0.0}])
def test_weights_are_tuned_for_any_head(plain, head, tmp_path):
    reward = RewardModel(plain.encoder, spec_of(plain.encoder, **head))
    spread = float(reward.score(FRAMES).std(correction=0))
    tuned = tuned_by(reward, "svd", tmp_path)
    assert tuned.spec.head == reward.spec.head
    assert loss_of(tuned, spread) < loss_of(reward, spread)


@pytest.mark.parametrize("method", ["coop", "cocoop"])
def test_learned_prompts_begin_as_the_prompts_themselves(plain, method):
    learned = tuned_by(plain, method, None, steps=1, learning_rate=1e-9)
    torch.testing.assert_close(learned.score(FRAMES), plain.score(FRAMES), atol=2e-5, rtol=0)


def test_a_cosine_has_one_prompt_to_learn(sensible):
    cosine = RewardModel(
        sensible.encoder, RewardSpec(encoder=sensible.encoder.name, prompts=PromptSet("a bar"), alpha=0.0)
    )
    learned = tuned_by(cosine, "coop", None)
    assert (learned.spec.few_shot.kind, learned.spec.few_shot.labels) == ("goal_pictures", (1.0,))
    spread = float(cosine.score(FRAMES).std(correction=0))
    assert loss_of(learned, spread) < loss_of(cosine, spread)


def test_what_belonged_to_the_embeddings_before_is_left_out(plain, tmp_path):
    fitted = calibrate(standardize(fit(plain, FRAMES, LABELS), FRAMES), FRAMES)
    tuned = tuned_by(fitted, "svd", tmp_path)
    left = (tuned.spec.few_shot, tuned.spec.scaling, tuned.spec.threshold, tuned.spec.uncertainty)
    assert left == (None, None, None, None)
    assert torch.equal(tuned.score(FRAMES), tuned_by(plain, "svd", tmp_path / "again").score(FRAMES))


def test_a_tuned_reward_is_fitted_further_by_proker(sensible, tmp_path):
    twice = fit(tuned_by(sensible, "svd", tmp_path), FRAMES, LABELS)
    scores = twice.score(FRAMES)
    assert float(scores[:3].min()) > float(scores[3:].max())


@pytest.mark.parametrize("method", ["coop", "cocoop", "svd"])
def test_words_that_depend_on_the_frame_are_left_out_where_a_reward_is_tuned_again(plain, method, tmp_path):
    again = tuned_by(tuned_by(plain, "cocoop", None), method, tmp_path)
    assert torch.equal(again.score(FRAMES), tuned_by(plain, method, tmp_path / "alone").score(FRAMES))


@pytest.mark.parametrize("method", ["coop", "cocoop"])
def test_a_folder_is_only_for_methods_that_write_one(plain, method, tmp_path):
    with pytest.raises(SpecError, match=rf"svd and lora write .* method='{method}'"):
        tune(plain, FRAMES, LABELS, method=method, out=tmp_path / "tuned")


@pytest.mark.parametrize("method", WRITE)
def test_bad_input_leaves_no_folder(plain, method, tmp_path):
    out = tmp_path / "tuned"
    with pytest.raises(SpecError, match=r"write a tuned encoder to the folder `out`"):
        tune(plain, FRAMES, LABELS, method=method)
    with pytest.raises(SpecError, match=r"the same label"):
        tune(plain, FRAMES, [1] * 6, method=method, out=out)
    with pytest.raises(SpecError, match=r"no labels were given"):
        tune(plain, FRAMES, None, method=method, out=out)
    with pytest.raises(SpecError, match=r"one label for each of 6 frames; got 2"):
        tune(plain, FRAMES, [1, 0], method=method, out=out)
    with pytest.raises(SpecError, match=r"must differ between the frames"):
        tune(plain, FRAMES[:1].expand(2, -1, -1, -1), [1, 0], method=method, out=out)
    with pytest.raises(SpecError, match=rf"unknown key {method}.learning_rat. Near: learning_rate"):
        tune(plain, FRAMES, LABELS, method=method, out=out, options={"learning_rat": 1})
    with pytest.raises(EncoderError, match=r"diverged in step 2: .* lower learning_rate"):
        tune(plain, FRAMES, LABELS, method=method, out=out, options={"steps": 50, "learning_rate": 1e20})
    assert not list(tmp_path.iterdir())


def test_parts_of_an_ensemble_lose_what_was_fitted_to_the_encoder_before(plain, tmp_path):
    options = {"parts": [{"weight": 0.5}, {"weight": 0.5, "alpha": 0.0}]}
    reward = RewardModel(plain.encoder, spec_of(plain.encoder, head="ensemble", options=options))
    tuned = tuned_by(standardize(reward, FRAMES), "svd", tmp_path)
    assert tuned.spec.options == reward.spec.options
    few_shot = fit(plain, FRAMES, LABELS).spec.few_shot
    part = {"weight": 0.5, "few_shot": few_shot}
    fitted = spec_of(plain.encoder, head="ensemble", options={"parts": [part, {"weight": 0.5}]})
    again = tuned_by(RewardModel(plain.encoder, fitted), "svd", tmp_path / "2")
    assert again.spec.options.parts == (Part(weight=0.5),) * 2


@pytest.mark.parametrize("method", TUNERS)
def test_it_works_where_gradients_are_switched_off(plain, method, tmp_path):
    spread = float(plain.score(FRAMES).std(correction=0))
    with torch.no_grad():
        assert loss_of(tuned_by(plain, method, tmp_path / "1"), spread) != loss_of(plain, spread)
    with torch.inference_mode():
        assert loss_of(tuned_by(plain, method, tmp_path / "2"), spread) != loss_of(plain, spread)


def test_crops_and_ensembles_of_encoders_are_refused_by_name(plain, tmp_path):
    crops = RewardModel(plain.encoder, spec_of(plain.encoder, views={"scales": [1.0, 0.5]}))
    with pytest.raises(EncoderError, match=r"this reward sees crops. Leave out views"):
        tuned_by(crops, "svd", tmp_path)
    several = build(RewardSpec(encoder="sim-xs + sim-s", prompts=PROMPTS))
    with pytest.raises(
        EncoderError, match=r"'sim-xs \+ sim-s' is not a model of OpenCLIP.*of an ensemble, tune a member"
    ):
        tuned_by(several, "svd", tmp_path)


def test_a_tokenizer_of_hugging_face_goes_into_the_folder(tmp_path):
    transformers, tokenizers = import_module("transformers"), import_module("tokenizers")  # open_clip mends torchvision
    source = write_model(tmp_path / "source", BUILTIN_LIKE)
    words = {word: i for i, word in enumerate(["<unk>", "<pad>", "a", "white", "bar", "at", "the", "top", "bottom"])}
    plain_words = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    plain_words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=plain_words, unk_token="<unk>", pad_token="<pad>")
    made.save_pretrained(source)
    config = json.loads((source / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = "somebody/words"
    (source / "open_clip_config.json").write_text(json.dumps(config))
    reward = build(RewardSpec(encoder=f"local-dir:{source}", prompts=PROMPTS))
    tuned = tuned_by(reward, "svd", tmp_path)
    assert torch.equal(build(tuned.spec).score(FRAMES), tuned.score(FRAMES))


def test_a_folder_that_is_there_is_not_written_over(plain, tmp_path):
    (tmp_path / "tuned").mkdir()
    with pytest.raises(SpecError, match=r"tuned exists already"):
        tuned_by(plain, "svd", tmp_path)


@pytest.mark.parametrize("method", TUNERS)
def test_only_models_of_openclip_can_be_tuned(method, tmp_path):
    reward = RewardModel(ColourEncoder(), RewardSpec(encoder="colour", prompts=PromptSet("red"), alpha=0.0))
    with pytest.raises(EncoderError, match=r"'colour' is not a model of OpenCLIP"):
        tuned_by(reward, method, tmp_path)


@pytest.mark.parametrize("method", ["coop", "cocoop"])
def test_prompts_are_learned_for_projections_alone(plain, method):
    softmax = RewardModel(plain.encoder, spec_of(plain.encoder, head="softmax"))
    with pytest.raises(SpecError, match=r"head='softmax'.*svd and lora"):
        tuned_by(softmax, method, None)
