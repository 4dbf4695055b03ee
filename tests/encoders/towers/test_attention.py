"""Where a tower looks, against its weights multiplied out by hand, and the crops that follow from it."""

import copy
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from tests.encoders.models import BUILTIN_LIKE, write_model
from tests.toys import ColourEncoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.towers.attention import embed_with_attention, place_crops, require_attention
from vlmrm.errors import EncoderError, FrameError

VIT = BUILTIN_LIKE["model_cfg"]["vision_cfg"] | {"layers": 2}
POOLER = {"attentional_pool": True, "attn_pooler_queries": 3, "attn_pooler_heads": 2}
VITS = {
    "vit": VIT,
    "vit, mean of patches": VIT | {"pool_type": "avg"},
    "vit, pooler": VIT | POOLER,
}
GRIDS = {"resnet": 3, "vit": 8, "vit, mean of patches": 8, "vit, pooler": 8}


def attention_map(encoder, batch):
    return embed_with_attention(encoder, batch)[1]


def load(folder, vision):
    config = copy.deepcopy(BUILTIN_LIKE)
    config["model_cfg"]["vision_cfg"] = vision
    return OpenClipEncoder.load(f"local-dir:{write_model(folder, config)}", device="cpu")


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """A ResNet with random weights looks everywhere alike, so this one is trained."""
    folder = tmp_path_factory.mktemp("attention")
    vits = {name: load(folder / str(i), vision) for i, (name, vision) in enumerate(VITS.items())}
    return {"resnet": OpenClipEncoder.load("sim-s", device="cpu"), **vits}


def frames(count, size=96, seed=0):
    """Squares of light in the dark, so that patches differ."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 256, (count, 3, 6, 6), generator=generator).float()
    return interpolate(coarse, (size, size), mode="nearest").to(torch.uint8).movedim(1, -1).contiguous()


def pixels_of(encoder, pictures):
    return encoder.preprocessing.normalise(encoder.preprocessing.resize(pictures))


def softmax_of_heads(queries, keys, heads):
    """Mean over heads and queries of the attention to each key, one number after the other, in double precision."""
    found = torch.zeros(len(keys), dtype=torch.double)
    width = queries.shape[1] // heads
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        for query in queries:
            powers = torch.exp(torch.stack([query[part] @ key[part] for key in keys]) / width**0.5)
            found += powers / powers.sum() / heads / len(queries)
    return found


def asked_by_hand(visual, pixels, name):
    """Queries, keys and heads of each frame in turn; the first key is no patch."""
    if name == "resnet":
        pool = visual.attnpool
        for features in visual.layer4(visual.layer3(visual.layer2(visual.layer1(visual.stem(pixels))))):
            patches = features.flatten(1).T
            tokens = torch.cat([patches.mean(dim=0)[None], patches]) + pool.positional_embedding
            yield pool.q_proj(tokens[:1]), pool.k_proj(tokens), pool.num_heads
        return
    *blocks, last = visual.transformer.resblocks
    tokens = visual._embeds(pixels)
    for block in blocks:
        tokens = block(tokens)
    pooler = visual.attn_pool
    attention = last.attn if pooler is None else pooler.attn
    (to_query, to_key, _), (query_bias, key_bias, _) = (
        attention.in_proj_weight.chunk(3),
        attention.in_proj_bias.chunk(3),
    )
    for rows in last.ln_1(tokens) if pooler is None else pooler.ln_k(last(tokens)):
        asking = {"vit": rows[:1], "vit, mean of patches": rows[1:]}.get(name)
        asking = pooler.ln_q(pooler.query)[:1] if asking is None else asking
        yield asking @ to_query.T + query_bias, rows @ to_key.T + key_bias, attention.num_heads


def by_hand(encoder, pictures, name):
    visual = copy.deepcopy(encoder.model.visual).double()
    weights = [softmax_of_heads(*asked) for asked in asked_by_hand(visual, pixels_of(encoder, pictures).double(), name)]
    return torch.stack([row[1:] / row[1:].sum() for row in weights])


@pytest.mark.parametrize("name", GRIDS)
def test_attention_is_that_of_the_towers_weights_multiplied_out(encoders, name):
    expected = by_hand(encoders[name], frames(2), name)
    maps = attention_map(encoders[name], frames(2))
    torch.testing.assert_close(maps.flatten(1).double(), expected, atol=1e-6, rtol=0)
    assert float((expected.amax(dim=1) / expected.amin(dim=1)).min()) > 1.02  # an even map would pass for any other


@pytest.mark.parametrize("name", GRIDS)
def test_each_frame_has_a_square_of_shares_that_sum_to_1(encoders, name):
    maps = attention_map(encoders[name], frames(5, size=50))
    assert (maps.shape, maps.dtype) == ((5, GRIDS[name], GRIDS[name]), torch.float32)
    assert bool((maps >= 0).all())
    torch.testing.assert_close(maps.sum(dim=(1, 2)), torch.ones(5))


@pytest.mark.parametrize("name", VITS)
def test_rows_of_the_map_are_rows_of_the_picture(encoders, name):
    """Patches of 12 pixels see nothing of each other before the first block, so that light moves its own most."""
    dark = torch.zeros(1, 96, 96, 3, dtype=torch.uint8)
    lit = dark.clone()
    lit[:, :36, 60:] = 255
    moved = (attention_map(encoders[name], lit) - attention_map(encoders[name], dark)).abs()[0]
    in_the_light = float(moved[:3, 5:].mean())
    moved[:3, 5:] = 0
    assert in_the_light > 3 * float(moved.mean())


@pytest.mark.parametrize("name", GRIDS)
def test_how_frames_are_split_into_batches_never_changes_a_map(encoders, name):
    whole = attention_map(encoders[name], frames(7))
    for size in (1, 3):
        parts = torch.cat([attention_map(encoders[name], part) for part in frames(7).split(size)])
        torch.testing.assert_close(parts, whole, atol=2e-6, rtol=0)


def test_more_frames_than_a_batch_holds_have_a_map_each(encoders):
    few = copy.copy(encoders["vit"])
    few.runtime = replace(few.runtime, batch_size=2)
    torch.testing.assert_close(
        attention_map(few, frames(5)), attention_map(encoders["vit"], frames(5)), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("name", GRIDS)
def test_embeddings_are_the_same_bits_before_with_and_after_and_no_hook_is_left(encoders, name):
    encoder = encoders[name]
    before = encoder.embed_frames(frames(4))
    with_maps, _ = embed_with_attention(encoder, frames(4))
    assert torch.equal(with_maps, before)
    assert torch.equal(encoder.embed_frames(frames(4)), before)
    with pytest.raises(FrameError):
        embed_with_attention(encoder, torch.zeros(0, 96, 96, 3, dtype=torch.uint8))
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in encoder.model.modules())


@pytest.mark.parametrize("name", ["sim-s", "local-dir:{}"])
def test_half_precision_has_about_the_same_map(tmp_path, name):
    name = name.format(write_model(tmp_path / "model", BUILTIN_LIKE))
    exact, rounded = (
        attention_map(OpenClipEncoder.load(name, device="cpu", precision=precision), frames(2))
        for precision in ("fp32", "bf16")
    )
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded.sum(dim=(1, 2)), torch.ones(2))
    torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.005)


@pytest.mark.parametrize(
    ("vision", "message"),
    [
        ({"timm_model_name": "resnet18", "timm_pool": "avg", "timm_proj": "linear", "image_size": 64}, "TimmModel"),
        (VIT | {"block_type": "custom", "qk_norm": True}, "VisionTransformer"),
    ],
)
def test_a_tower_that_pools_in_another_way_is_refused(tmp_path, vision, message):
    encoder = load(tmp_path / "model", vision)
    with pytest.raises(EncoderError, match=rf'tower of .*model.* \({message}\) .* positions="centre" or "corners"'):
        require_attention(encoder)
    with pytest.raises(EncoderError, match=message):
        attention_map(encoder, frames(1))


def test_an_encoder_of_another_library_is_refused():
    with pytest.raises(EncoderError, match=r"'colour' is not a model of OpenCLIP.*\"corners\""):
        attention_map(ColourEncoder(), frames(1))


def lit_at(grid, *places):
    maps = torch.zeros(len(places), grid, grid)
    for i, (row, column) in enumerate(places):
        maps[i, row, column] = 1
    return maps


def test_a_crop_lies_around_what_is_looked_at_as_far_as_the_frame_reaches():
    """Patches of 16 pixels: the middle of that in row 1 and column 2 is at 24, 40."""
    places = place_crops(lit_at(4, (0, 0), (0, 3), (3, 1), (1, 2)), size_px=64, side_px=32)
    assert places[:2].tolist() == [[0, 0], [0, 32]]
    assert int(places[2, 0]) == 32
    middle = places[3] + 16
    assert (middle - torch.tensor([24, 40])).abs().max() <= 8


@pytest.mark.parametrize("side", [64, 33, 32, 1])
def test_where_everything_is_looked_at_alike_a_crop_lies_in_the_middle(side):
    even = torch.full((2, 5, 5), 1 / 25)
    assert place_crops(even, size_px=64, side_px=side).tolist() == [[(64 - side) // 2] * 2] * 2


def test_of_two_places_looked_at_alike_the_first_is_taken():
    both = (lit_at(4, (0, 0)) + lit_at(4, (3, 3))) / 2
    assert (
        place_crops(both, size_px=64, side_px=16)[0].tolist()
        == place_crops(lit_at(4, (0, 0)), size_px=64, side_px=16)[0].tolist()
    )


def test_differences_of_rounding_never_move_a_crop():
    noise = 1e-7 * torch.randn(20, 4, 4, generator=torch.Generator().manual_seed(0))
    assert place_crops(torch.full((20, 4, 4), 1 / 16) + noise, size_px=64, side_px=32).tolist() == [[16, 16]] * 20


@given(st.integers(1, 5), st.integers(5, 24), st.integers(1, 24), st.integers(0, 2**31))
@settings(deadline=None, max_examples=60)
def test_no_other_place_holds_more_attention_and_none_that_holds_as_much_is_nearer_to_the_middle(
    grid, size, side, seed
):
    side = min(side, size)
    maps = torch.rand(3, grid, grid, generator=torch.Generator().manual_seed(seed)) ** 3
    maps /= maps.sum(dim=(1, 2), keepdim=True)
    places = place_crops(maps, size_px=size, side_px=side)
    large = interpolate(maps.double()[:, None], (size, size), mode="bilinear")[:, 0] * (grid / size) ** 2
    for picture, (top, left) in zip(large, places.tolist(), strict=True):
        last = size - side + 1
        held = {(i, j): float(picture[i : i + side, j : j + side].sum()) for i in range(last) for j in range(last)}
        away = {(i, j): (2 * i - last + 1) ** 2 + (2 * j - last + 1) ** 2 for i, j in held}
        assert held[top, left] >= max(held.values()) - 1.01e-4
        surely_as_much = [place for place, share in held.items() if share >= max(held.values()) - 0.99e-4]
        assert away[top, left] <= min(away[place] for place in surely_as_much)


def test_company_never_moves_a_crop(encoders):
    places = place_crops(attention_map(encoders["vit"], frames(6)), size_px=192, side_px=96)
    alone = [
        place_crops(attention_map(encoders["vit"], one), size_px=192, side_px=96)[0].tolist()
        for one in frames(6).split(1)
    ]
    assert places.tolist() == alone
    assert len(set(map(tuple, alone))) > 1
