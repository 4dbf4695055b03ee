"""Files that people write by hand are read alike, with the byte order mark that editors put before the text or not."""

import codecs

import pytest

from vlmrm.data.captioned import _from_csv
from vlmrm.data.classified import read_classes
from vlmrm.plain_files import read_json, read_text
from vlmrm.report.concepts import read_sentences
from vlmrm.rewards import RewardSpec
from vlmrm.tasks import Task
from vlmrm.training.options import toml_table

SPEC = 'encoder = "sim-s"\nalpha = 0.0\nprompts = { goal = "a pole" }\n'
TASK = 'name = "toy"\ndescription = ""\nenv_id = "CartPole-v1"\nreward = { prompts = { goal = "a pole" } }\n'


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize(
    ("name", "text", "read", "expected"),
    [
        ("a.txt", "é\n", read_text, "é\n"),
        ("a.json", '{"a": 1}', read_json, {"a": 1}),
        ("sentences.txt", "# of poles\na pole\na cart\n", read_sentences, ["a pole", "a cart"]),
        ("classes.txt", "a pole\na cart\n", read_classes, ("a pole", "a cart")),
        (
            "captions.csv",
            "frame,caption\na.png,a cart\n",
            lambda path: list(_from_csv(path, "")),
            [("a.png", "a cart")],
        ),
        ("table.toml", "gamma = 0.9\n", lambda path: toml_table(str(path)), {"gamma": 0.9}),
        ("reward.toml", SPEC, lambda path: RewardSpec.load(path).prompts.goal, ("a pole",)),
        ("task.toml", TASK, lambda path: Task.load(path).name, "toy"),
    ],
)
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path, name, text, read, expected, mark):
    (tmp_path / name).write_bytes(mark + text.encode())
    assert read(tmp_path / name) == expected
