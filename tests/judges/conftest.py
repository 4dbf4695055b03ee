import shutil

import pytest

from tests.judges.tiny_llava import QUESTION, processor, tiny_llava
from vlmrm.judges import YesNoJudge


@pytest.fixture(scope="module")
def model():
    return tiny_llava()


@pytest.fixture(scope="module")
def judge(model):
    return YesNoJudge(model, processor(), QUESTION, name="tiny")


@pytest.fixture(scope="module")
def folder(judge, tmp_path_factory):
    path = tmp_path_factory.mktemp("judges") / "tiny"
    judge.model.save_pretrained(path)
    judge.processor.save_pretrained(path)
    return path


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")
