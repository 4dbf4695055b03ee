"""Ideal words against least squares in double precision, and rewards that split into their factors."""

import pytest
import torch
from torch.nn.functional import normalize

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import PromptError, SpecError
from vlmrm.rewards.heads.factored import FactoredHead, IdealWords, every_combination, ideal_words

PATTERN = "a {robot} robot {pose}"
FACTORS = {"robot": ["humanoid", "cheetah"], "pose": ["kneeling", "standing", "lying down"]}
SIZES = (2, 3, 4)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def design(sizes=SIZES):
    factors = {f"f{i}": [f"{i}{value}" for value in range(size)] for i, size in enumerate(sizes)}
    return every_combination(" ".join(f"{{{name}}}" for name in factors), factors)[1]


def unit(*shape, seed=0):
    return normalize(normal(*shape, seed=seed), dim=-1)


def head_of(embeddings, indices):
    return FactoredHead.compose([f"f{i}" for i in range(indices.shape[1])], ideal_words(embeddings, indices))


def test_every_combination_is_there_once_and_the_first_is_wanted():
    sentences, indices = every_combination(PATTERN, FACTORS)
    assert sentences == (
        "a humanoid robot kneeling",
        "a humanoid robot standing",
        "a humanoid robot lying down",
        "a cheetah robot kneeling",
        "a cheetah robot standing",
        "a cheetah robot lying down",
    )
    assert indices.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]


def test_numbers_belong_to_factors_by_their_order_not_by_the_patterns():
    sentences, indices = every_combination("{b} of {a}", {"a": ["x", "y"], "b": ["one", "two"]})
    assert sentences[1] == "two of x"
    assert indices[1].tolist() == [0, 1]


def test_an_empty_value_leaves_no_blank_behind():
    assert every_combination("a {how} robot {pose}", {"how": ["", "red"], "pose": ["", "up"]})[0][0] == "a robot"


def test_a_factor_may_stand_twice_and_braces_may_be_escaped():
    assert every_combination("{{{x}}} and {x}", {"x": ["p", "q"]})[0] == ("{p} and p", "{q} and q")


def test_sentences_that_are_sums_come_apart_exactly():
    indices, common = design(), normal(8)
    words = [each - each.mean(dim=0) for each in (normal(size, 8, seed=size) for size in SIZES)]
    embeddings = common + sum(each[indices[:, factor]] for factor, each in enumerate(words))
    parts = ideal_words(embeddings, indices)
    torch.testing.assert_close(parts.common, common)
    for found, made in zip(parts.words, words, strict=True):
        torch.testing.assert_close(found, made)


def test_ideal_words_are_the_least_squares_fit():
    """One column per value and one for all; lstsq gives the fit, and effect columns give the words themselves."""
    indices, embeddings = design(), normal(24, 8)
    columns = [torch.ones(24, 1, dtype=torch.float64)]
    for factor, size in enumerate(SIZES):
        ones = torch.nn.functional.one_hot(indices[:, factor], size).double()
        columns.append(ones[:, :-1] - ones[:, -1:])
    fitted = torch.linalg.lstsq(torch.cat(columns, dim=1), embeddings).solution.split([1, 1, 2, 3])
    parts = ideal_words(embeddings, indices)
    torch.testing.assert_close(parts.common, fitted[0][0])
    for words, rows in zip(parts.words, fitted[1:], strict=True):
        torch.testing.assert_close(words[:-1], rows)
        torch.testing.assert_close(words.sum(dim=0), torch.zeros(8, dtype=torch.float64))


def test_each_word_is_the_mean_of_its_sentences_less_the_mean_of_all():
    indices, embeddings = design(), normal(24, 8)
    parts = ideal_words(embeddings, indices)
    for factor, size in enumerate(SIZES):
        for value in range(size):
            expected = embeddings[indices[:, factor] == value].mean(dim=0) - embeddings.mean(dim=0)
            torch.testing.assert_close(parts.words[factor][value], expected)


def test_the_order_of_the_sentences_does_not_matter():
    indices, embeddings = design(), normal(24, 8)
    shuffled = torch.randperm(24, generator=torch.Generator().manual_seed(0))
    parts, others = ideal_words(embeddings, indices), ideal_words(embeddings[shuffled], indices[shuffled])
    torch.testing.assert_close(parts.words, others.words)


def test_pure_interaction_leaves_every_value_without_a_word():
    """Four sentences as in exclusive or: each value's mean is the mean of all."""
    parts = ideal_words(torch.tensor([[1.0], [-1.0], [-1.0], [1.0]]), design((2, 2)))
    assert [words.tolist() for words in parts.words] == [[[0.0], [0.0]]] * 2


def test_the_reward_is_the_cosine_with_the_composed_goal():
    indices, embeddings, frames = design(), unit(24, 8), unit(10, 8, seed=1)
    goal = ideal_words(embeddings, indices).compose([0, 0, 0])
    expected = torch.nn.functional.cosine_similarity(frames, goal[None])
    torch.testing.assert_close(head_of(embeddings, indices)(frames), expected)


def test_shares_and_common_part_sum_to_the_reward_exactly():
    head, frames = head_of(unit(24, 8).float(), design()), unit(50, 8, seed=1).float()
    assert head.breakdown(frames).shape == (50, 3)
    assert torch.equal(head.in_common(frames) + head.breakdown(frames).sum(dim=1), head(frames))


def test_a_share_is_the_contrast_of_the_wanted_value_with_the_mean_of_the_others():
    indices, embeddings, frames = design(), unit(24, 8), unit(10, 8, seed=1)
    parts = ideal_words(embeddings, indices)
    shares = head_of(embeddings, indices).breakdown(frames) * parts.compose([0, 0, 0]).norm()
    for factor, size in enumerate(SIZES):
        words = parts.words[factor]
        contrast = frames @ (words[0] - words[1:].mean(dim=0))
        torch.testing.assert_close(shares[:, factor], (size - 1) / size * contrast)


def test_a_frame_with_one_wrong_factor_loses_only_that_factors_share():
    indices = design((2, 2))
    common, first, second = torch.eye(3)
    embeddings = torch.stack([common + a * first + b * second for a in (1, -1) for b in (1, -1)])
    head = head_of(embeddings, indices)
    right, wrong_second = head.breakdown(embeddings[:2])
    assert right[0] == wrong_second[0] > 0
    assert right[1] == -wrong_second[1] > 0


def test_how_frames_are_split_into_batches_never_changes_a_reward():
    head, frames = head_of(unit(24, 8).float(), design()), unit(10, 8, seed=1).float()
    for size in (1, 3, 7):
        torch.testing.assert_close(torch.cat([head(part) for part in frames.split(size)]), head(frames))


def test_a_factor_that_the_encoder_does_not_see_is_refused():
    """The toy embeds the last colour of a sentence, and no other word."""
    sentences, indices = every_combination("a {kind} {colour}", {"kind": ["big", "small"], "colour": ["red", "blue"]})
    parts = ideal_words(ColourEncoder().embed_texts(list(sentences)), indices)
    with pytest.raises(PromptError, match="wanted value of 'kind' looks like the mean of all"):
        FactoredHead.compose(["kind", "colour"], parts)


def test_parts_that_cancel_out_are_refused():
    word = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    with pytest.raises(PromptError, match="cancel out"):
        FactoredHead.compose(["x"], IdealWords(torch.tensor([-1.0, 0.0]), (word,)))


@pytest.mark.parametrize("rows", [[0, 1, 2], [0, 1, 2, 2], [0, 1, 2, 3, 3]])
def test_a_design_with_a_combination_missing_or_twice_is_refused(rows):
    with pytest.raises(SpecError, match="every combination of 2 x 2 values once"):
        ideal_words(normal(len(rows), 8), design((2, 2))[rows])


def test_embeddings_of_other_sentences_are_refused():
    with pytest.raises(SpecError, match="got 5 embeddings and 4 combinations"):
        ideal_words(normal(5, 8), design((2, 2)))


@pytest.mark.parametrize(
    ("pattern", "changes", "message"),
    [
        ("a {robt} {pose}", {}, "names 'robt', which is not a factor. Near: robot"),
        ("a {} {pose}", {}, "names '', which is not a factor"),
        ("a {robot:>9} {pose}", {}, "by its name alone, {robot}; got 'a {robot:>9}"),
        ("a {robot} {pose!r}", {}, "by its name alone, {pose}"),
        ("a {robot}", {}, "factor 'pose' is not in the pattern 'a {robot}'. Near: robot"),
        ("a {robot} {pose", {}, "braces of the pattern do not match"),
        (PATTERN, {"robot": ["humanoid"]}, "factor 'robot' needs at least two values"),
        (PATTERN, {"robot": ["Cheetah", "cheetah "]}, "factor 'robot' needs at least two values, each different"),
        (PATTERN, {"robot": "ant"}, "values of factor 'robot' are a list of texts; got 'ant'"),
        (
            PATTERN,
            {"pose": [str(i) for i in range(3000)]},
            "2 x 3000 values make 6000 sentences, of which at most 4096",
        ),
    ],
)
def test_factors_that_cannot_be_meant_are_refused(pattern, changes, message):
    with pytest.raises(PromptError, match=message):
        every_combination(pattern, FACTORS | changes)


def test_a_pattern_without_factors_is_refused():
    with pytest.raises(PromptError, match="no factors were given"):
        every_combination("a robot", {})


COLOURED = {"first": ["red", "black"], "last": ["green", ""]}


@pytest.fixture
def coloured(tmp_path):
    """The reward of a file."""
    path = tmp_path / "reward.toml"
    path.write_text(
        """
        encoder = "colour"
        head = "factored"
        [options.factors]
        first = ["red", "black"]
        last = ["green", ""]
        [prompts]
        goal = "{first} {last}"
        """
    )
    return RewardModel(ColourEncoder(), RewardSpec.load(path))


def shown(*colours):
    return torch.tensor(colours, dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)


RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)


def test_a_factored_goal_from_a_file_is_the_cosine_with_the_composed_goal(coloured):
    sentences, indices = every_combination("{first} {last}", COLOURED)
    goal = ideal_words(ColourEncoder().embed_texts(list(sentences)), indices).compose([0, 0])
    frames = shown(RED, GREEN, BLACK)
    expected = ColourEncoder().embed_frames(frames) @ (goal / goal.norm())
    torch.testing.assert_close(coloured.score(frames), expected)


def test_explain_tells_what_each_factor_adds_and_what_all_have_in_common(coloured):
    columns = coloured.explain(shown(RED, GREEN, BLACK))
    assert list(columns) == ["score", "first", "last", "in common"]
    assert torch.equal(columns["in common"] + (columns["first"] + columns["last"]), columns["score"])
    assert float(columns["last"][1]) > 0 > float(columns["last"][0])  # the second frame shows green, the first does not


@pytest.mark.parametrize(
    ("goal", "options", "error", "message"),
    [
        ("red", {}, SpecError, "options.factors is missing"),
        ("red", {"factors": {"a": ["red", "blue"]}}, PromptError, "the factor 'a' is not in"),
        (["{a}", "{a} red"], {"factors": {"a": ["red", "blue"]}}, SpecError, "a factored goal is one pattern"),
    ],
)
def test_a_spec_that_makes_no_factored_goal_is_refused(goal, options, error, message):
    with pytest.raises(error, match=message):
        RewardModel(
            ColourEncoder(),
            RewardSpec(encoder="colour", prompts=PromptSet(goal), alpha=0.0, head="factored", options=options),
        )
