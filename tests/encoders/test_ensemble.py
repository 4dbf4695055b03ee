"""Several encoders as one: its logits are the mean of theirs, and every other part of the package takes it."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from tests.contracts.encoder_contract import EncoderContract
from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.encoders import Domain, DomainWatch, Encoder, EnsembleEncoder, load_encoder
from vlmrm.encoders.ensemble import ensemble_members
from vlmrm.encoders.towers.projections import PreProjection
from vlmrm.errors import EncoderError, OutOfDomainWarning, SpecError, UnknownModel
from vlmrm.fitting import fit
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.rewards.transforms.uncertainty.moments import ensemble
from vlmrm.wrappers import VLMReward

NAME, WEIGHTS = "0.2*sim-xs + 0.3*sim-s + 0.5*sim-m", (0.2, 0.3, 0.5)
GOAL, BASELINE = "pole vertically upright on top of the cart", "pole and cart"
NEGATIVES = ("pole hanging straight down below a cart", "a cart at the edge of the track")
TEXTS = [GOAL, *NEGATIVES]


class Named(ColourEncoder):
    """Colours, with a name, a loss and a square of its own."""

    def __init__(self, name="colour", *, scale=1.0, bias=0.0, size_px=8, resize_mode="shortest"):
        super().__init__()
        self.name, self.logit_scale, self.logit_bias, self.size_px = name, scale, bias, size_px
        self.resize_mode = resize_mode

    @property
    def preprocessing(self):
        return Preprocessing(
            size_px=self.size_px, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), resize_mode=self.resize_mode
        )


@pytest.fixture(scope="module")
def built_in():
    return load_encoder(NAME, device="cpu")


@pytest.fixture(scope="module")
def encoder():
    """Untrained, as the contract's noise belongs to no world."""
    return load_encoder("0.7*random:sim-xs#1 + 0.3*random:sim-s#2", device="cpu")


@pytest.fixture(scope="module")
def frames():
    """CartPole with its pole ever lower, as it is drawn: 400 x 600."""
    env = gym.make("CartPole-v1", render_mode="rgb_array")
    env.reset(seed=0)
    drawn = []
    for angle in np.linspace(0, 1.5, 6):
        env.unwrapped.state = np.array([0.5 - angle / 2, 0, angle, 0])
        drawn.append(env.render())
    env.close()
    return torch.from_numpy(np.stack(drawn))


class TestEnsembleOfOpenClip(EncoderContract):
    @pytest.fixture
    def twin(self, encoder):
        return load_encoder(encoder.name, device="cpu")


def alone(encoder, frames, texts):
    """float64 cosines of each member, on the frames as the ensemble hands them on."""
    frames = encoder.preprocessing.resize(frames)
    rows = [(member.embed_frames(frames).double(), member.embed_texts(texts).double()) for member in encoder.members]
    return [seen @ read.T for seen, read in rows]


def test_a_cosine_is_the_mean_of_the_members_cosines_by_shares(built_in, frames):
    expected = sum(
        share * cosine for share, cosine in zip(built_in.shares, alone(built_in, frames, TEXTS), strict=True)
    )
    found = built_in.embed_frames(frames) @ built_in.embed_texts(TEXTS).T
    torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=0)


def test_a_logit_is_the_mean_of_the_members_logits_by_weights(built_in, frames):
    """Weights are of logits: the shares of the cosines differ from them where temperatures do."""
    cosines = alone(built_in, frames, TEXTS)
    scales = [member.logit_scale for member in built_in.members]
    expected = sum(w * scale * cosine for w, scale, cosine in zip(WEIGHTS, scales, cosines, strict=True))
    seen, read = built_in.embed_frames(frames), built_in.embed_texts(TEXTS)
    torch.testing.assert_close((built_in.logit_scale * seen @ read.T).double(), expected, atol=1e-4, rtol=0)
    by_member = built_in.member_logits(seen, read)
    mean = torch.einsum("m,mnk->nk", torch.tensor(WEIGHTS), by_member).double()
    torch.testing.assert_close(mean, expected, atol=1e-5, rtol=0)
    weighted = [w * scale for w, scale in zip(WEIGHTS, scales, strict=True)]
    assert built_in.shares == pytest.approx([one / sum(weighted) for one in weighted])
    assert built_in.shares != pytest.approx(WEIGHTS, abs=1e-3)


def test_a_softmax_on_it_is_the_softmax_of_the_mean_logits(built_in, frames):
    spec = RewardSpec(encoder=NAME, prompts=PromptSet(GOAL, negatives=NEGATIVES), head="softmax", alpha=0.0)
    logits = [m.logit_scale * c for m, c in zip(built_in.members, alone(built_in, frames, TEXTS), strict=True)]
    mean = sum(w * part for w, part in zip(WEIGHTS, logits, strict=True))
    found = RewardModel(built_in, spec).score(frames)
    torch.testing.assert_close(found.double(), mean.softmax(dim=1)[:, 0], atol=1e-5, rtol=0)


def test_a_sigmoid_on_it_is_the_sigmoid_of_the_mean_logit_with_the_mean_bias():
    members = [Named("soft", scale=2.0, bias=-1.0), Named("sharp", scale=10.0, bias=-6.0)]
    both = EnsembleEncoder(members, [0.75, 0.25])
    assert (both.logit_scale, both.logit_bias) == (4.0, -2.25)
    assert both.shares == (0.375, 0.625)
    frames = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
    frames[..., 0] = 51  # red 0.2, so that the logits are 0.4 - 1 and 2 - 6
    reward = RewardModel(both, RewardSpec(encoder=both.name, prompts=PromptSet("red"), head="sigmoid", alpha=0.0))
    expected = torch.tensor([-0.6 * 0.75 - 4.0 * 0.25]).sigmoid()
    torch.testing.assert_close(reward.score(frames), expected, atol=1e-6, rtol=0)
    logits = both.member_logits(both.embed_frames(frames), both.embed_texts(["red"]))
    torch.testing.assert_close(logits, torch.tensor([[[-0.6]], [[-4.0]]]), atol=1e-5, rtol=0)


def test_frames_of_its_own_size_reach_every_member_untouched(built_in, frames):
    small = built_in.preprocessing.resize(frames)
    widths = [member.dim for member in built_in.members]
    for part, share, member in zip(
        built_in.embed_frames(small).split(widths, dim=1), built_in.shares, built_in.members, strict=True
    ):
        assert torch.equal(part, share**0.5 * member.embed_frames(small))


def test_the_largest_member_sees_what_it_sees_alone_and_a_smaller_one_a_frame_resized_twice(frames):
    pair = load_encoder("sim-s + sim-m", device="cpu")
    (small, large), (first, second) = pair.members, pair.embed_frames(frames).split(128, dim=1)
    assert torch.equal(second, pair.shares[1] ** 0.5 * large.embed_frames(frames))
    assert not torch.equal(first, pair.shares[0] ** 0.5 * small.embed_frames(frames))
    assert (normalize(first, dim=1) * small.embed_frames(frames)).sum(dim=1).min() > 0.99


def test_members_of_one_size_see_any_frame_as_they_see_it_alone(frames):
    pair = load_encoder("sim-xs + random:sim-xs#5", device="cpu")
    parts = pair.embed_frames(frames).split(128, dim=1)
    for part, share, member in zip(parts, pair.shares, pair.members, strict=True):
        assert torch.equal(part, share**0.5 * member.embed_frames(frames))


def test_split_gives_each_member_its_own_rows_again(built_in, frames):
    small = built_in.preprocessing.resize(frames)
    for found, member in zip(built_in.split(built_in.embed_frames(small)), built_in.members, strict=True):
        torch.testing.assert_close(found, member.embed_frames(small), atol=1e-6, rtol=0)
    for found, member in zip(built_in.split(built_in.embed_texts(TEXTS)), built_in.members, strict=True):
        torch.testing.assert_close(found, member.embed_texts(TEXTS), atol=1e-6, rtol=0)
    with pytest.raises(EncoderError, match=r"embeddings of '0.2\*sim-xs .*' are 384 wide; got 128"):
        built_in.split(torch.eye(128))


def test_the_disagreement_of_members_is_that_of_their_own_probabilities(built_in, frames):
    small = built_in.preprocessing.resize(frames)
    own = []
    for member in built_in.members:
        logits = member.logit_scale * member.embed_frames(small) @ member.embed_texts(TEXTS).T
        own.append(logits.softmax(dim=1)[:, 0].numpy())
    logits = built_in.member_logits(built_in.embed_frames(small), built_in.embed_texts(TEXTS))
    mean, std = ensemble(logits.softmax(dim=2)[:, :, 0])
    np.testing.assert_allclose(mean.numpy(), np.mean(own, axis=0), atol=1e-5)
    np.testing.assert_allclose(std.numpy(), np.std(own, axis=0, ddof=1), atol=1e-5)
    assert float(std.max()) > 0.01


def test_it_is_loaded_by_its_name_with_the_domains_of_its_members(built_in):
    assert isinstance(built_in, EnsembleEncoder)
    assert isinstance(built_in, Encoder)
    assert (built_in.name, built_in.weights) == (NAME, WEIGHTS)
    assert (built_in.dim, built_in.size_px) == (384, 128)
    assert built_in.preprocessing == load_encoder("sim-m", device="cpu").preprocessing
    assert all(isinstance(member.domain, Domain) for member in built_in.members)
    assert built_in.domain is not None


def coloured_blocks(n, side_px=4):
    """Random colours, 24 by 24 blocks: none of the built-in models' scenes."""
    colours = torch.randint(256, (n, 24, 24, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return colours.repeat_interleave(side_px, 1).repeat_interleave(side_px, 2)


def test_every_built_in_member_warns_for_itself():
    pair = load_encoder("sim-xs + sim-s", device="cpu")
    watch = DomainWatch(pair)
    with pytest.warns(OutOfDomainWarning) as caught:
        watch.see(pair.embed_frames(coloured_blocks(12)))
    assert [str(each.message).split("'")[1] for each in caught] == ["sim-xs", "sim-s"]
    with pytest.warns(OutOfDomainWarning) as caught:
        watch.read(["a zebra on the cart"])
    assert [str(each.message).split("'")[1] for each in caught] == ["sim-xs", "sim-s"]


def test_an_ensemble_knows_what_those_members_know_that_have_a_domain():
    mixed = load_encoder("sim-s + random:sim-xs", device="cpu")
    with pytest.warns(OutOfDomainWarning, match="^12 of the last 12 frames look like nothing 'sim-s'") as caught:
        DomainWatch(mixed).see(mixed.embed_frames(coloured_blocks(12)))
    assert len(caught) == 1
    assert load_encoder("random:sim-s + random:sim-xs", device="cpu").domain is None


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("a + b", "a + b"),
        ("0.5*a + 0.5*b", "a + b"),
        (".25 * a  +  75e-2*b", "0.25*a + 0.75*b"),
        ("a + b + c", "a + b + c"),
        ("0.7*a + 0.2*b + 0.1*c", "0.7*a + 0.2*b + 0.1*c"),
        ("0.3333333*a + 0.3333333*b + 0.3333333*c", "0.3333333*a + 0.3333333*b + 0.3333333*c"),
        ("random:ViT-B-32#7 + ViT-B-32/a+b.pt", "random:ViT-B-32#7 + ViT-B-32/a+b.pt"),
    ],
)
def test_the_name_is_canonical_and_means_the_same_ensemble(written, canonical):
    members = ensemble_members(written)
    encoder = EnsembleEncoder([Named(name) for name in members], list(members.values()))
    assert encoder.name == canonical
    assert ensemble_members(canonical) == members
    assert list(ensemble_members(canonical)) == list(members)


@pytest.mark.parametrize("name", ["sim-s", "a+b", "a +b", "a+ b", "local-dir:/tmp/a+b", "random:sim-s#3", "x*y"])
def test_plus_signs_without_a_space_on_either_side_belong_to_a_name(name):
    assert ensemble_members(name) == {}


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("sim-xs + sim-z", UnknownModel, r"no model 'sim-z'\. Near: sim-"),
        ("0.5*sim-xs + 0.6*sim-s", SpecError, r"above 0 and sum to 1; got \[0\.5, 0\.6\], sum 1\.1"),
        ("1.5*sim-xs + -0.5*sim-s", SpecError, r"above 0 and sum to 1; got \[1\.5, -0\.5\]"),
        ("1*sim-xs + 0*sim-s", SpecError, r"above 0 and sum to 1; got \[1\.0, 0\.0\]"),
        ("0.5*sim-xs + sim-s", SpecError, "all members of an ensemble have a weight or none"),
        ("1*sim-s", SpecError, "at least 2 members, .*; got sim-s"),
        ("sim-s + ", SpecError, "has no name"),
        ("+ sim-s", SpecError, "has no name"),
        ("sim-s + sim-xs + sim-s", SpecError, "sim-s is more than once"),
        ("0.5*0.5*sim-xs + 0.5*sim-s", SpecError, r"at least 2 members, .*; got sim-xs"),
    ],
)
def test_names_of_ensembles_that_cannot_be_are_refused(name, error, message):
    with pytest.raises(error, match=message):
        load_encoder(name, device="cpu")


@pytest.mark.parametrize(
    ("names", "weights", "message"),
    [
        ([], None, "at least 2 members, .*; got none"),
        (["a"], [1], "at least 2 members, .*; got a"),
        (["a", "a"], None, "a is more than once in an ensemble"),
        (["a", "b"], [1], "one weight for each member; got 1 for 2"),
        (["a", "b"], [0.5, 0.4], r"got \[0.5, 0.4\], sum 0.9"),
        (["a", "b"], [float("nan"), 1.0], "above 0 and sum to 1"),
    ],
)
def test_members_and_weights_that_cannot_be_are_refused(names, weights, message):
    with pytest.raises(SpecError, match=message):
        EnsembleEncoder([Named(name) for name in names], weights)


def test_an_ensemble_is_no_member_of_another():
    pair = EnsembleEncoder([Named("a"), Named("b")])
    with pytest.raises(SpecError, match=r"'a \+ b' is an ensemble itself"):
        EnsembleEncoder([pair, Named("c")])


def test_members_that_fit_frames_differently_need_one_resize_mode_for_all():
    with pytest.raises(EncoderError, match=r"'a' has 'shortest', 'b' has 'squash'.*Set one resize_mode"):
        EnsembleEncoder([Named("a"), Named("b", resize_mode="squash")])
    padded = load_encoder("sim-xs + random:sim-s", device="cpu", resize_mode="longest")
    assert [member.preprocessing.resize_mode for member in padded.members] == ["longest", "longest"]
    assert padded.preprocessing.resize_mode == "longest"


def test_crops_of_frames_are_seen_by_every_member(frames):
    pair = load_encoder("sim-xs + sim-s", device="cpu")
    spec = RewardSpec(encoder=pair.name, prompts=PromptSet(GOAL), alpha=0.0, views={"scales": [1.0, 0.5]})
    reward = RewardModel(pair, spec)
    assert reward.encoder is pair
    assert reward.capture.size_px == 192
    large = reward.capture.resize(frames)
    expected = normalize(pair.embed_frames(large) + pair.embed_frames(large[:, 48:144, 48:144].contiguous()), dim=1)
    found = reward.read(frames).embeddings
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert [rows.shape for rows in pair.split(found)] == [(6, 128), (6, 128)]


def test_a_spec_keeps_the_name_as_written_and_builds_a_reward_that_can_be_fitted(frames, tmp_path):
    (tmp_path / "reward.toml").write_text(
        f'encoder = "0.5*sim-xs + 0.5*sim-s"\n[prompts]\ngoal = "{GOAL}"\nbaseline = "{BASELINE}"\n'
    )
    spec = RewardSpec.load(tmp_path / "reward.toml")
    assert spec.encoder == "0.5*sim-xs + 0.5*sim-s"
    reward = RewardModel.from_spec(tmp_path / "reward.toml", device="cpu")
    assert reward.spec == spec
    scores = reward.score(frames)
    assert scores[0] == scores.max()
    torch.testing.assert_close(torch.cat([reward.score(part) for part in frames.split(4)]), scores, atol=1e-5, rtol=0)
    fitted = fit(reward, frames[[0, -1]], [1, 0])
    again = RewardModel(reward.encoder, RewardSpec.from_dict(fitted.spec.to_dict()))
    torch.testing.assert_close(again.score(frames), fitted.score(frames), atol=0, rtol=0)


def test_a_step_of_an_environment_is_paid_the_mean_of_the_members_rewards():
    spec = RewardSpec(encoder="0.25*sim-xs + 0.75*sim-s", prompts=PromptSet(GOAL), alpha=0.0)
    reward = RewardModel.from_spec(spec, device="cpu")
    env = VLMReward(gym.make("CartPole-v1", render_mode="rgb_array"), reward)
    env.reset(seed=0)
    _, paid, _, _, info = env.step(0)
    env.close()
    assert info["frame"].shape == (96, 96, 3)
    frame = torch.from_numpy(info["frame"])[None]
    cosines = [float(member.embed_frames(frame) @ member.embed_texts([GOAL]).T) for member in reward.encoder.members]
    assert paid == pytest.approx(np.dot(reward.encoder.shares, cosines), abs=1e-5)


def test_what_reads_the_inside_of_a_model_refuses_an_ensemble(built_in):
    with pytest.raises(EncoderError, match=r"'0.2\*sim-xs \+ .*' is not a model of OpenCLIP"):
        PreProjection(built_in)
