"""Published sets in tiny copies of their layouts: each class has the name that belongs to its folder or number."""

import pickle

import numpy as np
import pytest
from PIL import Image

from vlmrm.data.known_sets import imagenet_names, read_known_set, wordnet_ids
from vlmrm.errors import FrameError, SpecError


def picture(path, shade):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((2, 2, 3), shade, np.uint8)).save(path)


@pytest.fixture(scope="module")
def names():
    return imagenet_names()


def test_names_and_ids_belong_together_and_can_be_told_apart(names):
    assert list(names)[:2] == ["n01440764", "n01443537"]
    assert (names["n01440764"], names["n02504458"]) == ("tench", "African bush elephant")
    assert len(set(names.values())) == 1000  # open_clip says missile and sunglasses twice
    assert (names["n03773504"], names["n04008634"]) == ("missile", "projectile")


@pytest.mark.parametrize("name", ["imagenet-a", "imagenet-r"])
def test_a_set_of_200_classes_has_their_names_in_the_order_of_their_indices(tmp_path, names, name):
    chosen = wordnet_ids("_" + name[-1])
    assert len(chosen) == 200
    assert chosen == [wnid for wnid in names if wnid in chosen]
    for wnid in reversed(chosen):
        picture(tmp_path / wnid / "one.png", 0)
    found = read_known_set(tmp_path, name)
    assert found.classes == tuple(names[wnid] for wnid in chosen)
    assert [path.parent.name for path in found.pictures.paths] == chosen
    assert found.labels.tolist() == list(range(200))
    assert found.names[1] == f"{chosen[1]}/one.png"
    other = next(wnid for wnid in names if wnid not in chosen)
    (tmp_path / chosen[7]).rename(tmp_path / other)
    with pytest.raises(FrameError, match=f"of the 200 classes.* missing: {chosen[7]}, others: {other}"):
        read_known_set(tmp_path, name)  # also 200 folders, of ids that are ImageNet's


def test_folders_that_are_numbers_are_not_sorted_as_strings(tmp_path, names):
    for index in range(1000):
        (tmp_path / str(index)).mkdir()
        (tmp_path / str(index) / "one.png").write_bytes(b"")
    picture(tmp_path / "2" / "one.png", 77)
    found = read_known_set(tmp_path, "imagenet-v2")
    assert found.classes == tuple(names.values())
    place = found.names.index("2/one.png")
    assert (found.labels[place], found.classes[2]) == (2, "great white shark")  # as strings, 2 would be the 112th
    assert found.pictures[place].max() == 77
    (tmp_path / "37" / "one.png").unlink()
    with pytest.raises(FrameError, match="have no pictures: 37"):
        read_known_set(tmp_path, "imagenet-v2")
    (tmp_path / "37").rmdir()
    with pytest.raises(FrameError, match="missing: 37"):
        read_known_set(tmp_path, "imagenet-v2")


def cifar(folder, rows, *, before, file, names):
    """Rows of labels and of a red, a green and a blue value."""
    content = b"".join(bytes(labels) + b"".join(bytes([value]) * 1024 for value in rgb) for labels, rgb in rows)
    (folder / file).write_bytes(content)
    (folder / names[0]).write_text("\n".join(names[1]) + "\n\n")


def test_cifar_is_read_from_its_binary_version(tmp_path):
    rows = [([1], (10, 20, 30)), ([0], (1, 2, 3))]
    cifar(tmp_path, rows, before=1, file="test_batch.bin", names=("batches.meta.txt", ["airplane", "automobile"]))
    found = read_known_set(tmp_path, "cifar10")
    assert found.classes == ("airplane", "automobile")
    assert found.labels.tolist() == [1, 0]
    assert found.pictures.shape == (2, 32, 32, 3)
    assert found.pictures[0, 5, 7].tolist() == [10, 20, 30]
    rows = [([3, 1], (9, 8, 7))]
    cifar(tmp_path, rows, before=2, file="test.bin", names=("fine_label_names.txt", ["apple", "aquarium_fish"]))
    assert read_known_set(tmp_path, "cifar100").labels.tolist() == [1]  # the fine label
    (tmp_path / "test.bin").write_bytes(b"123")
    with pytest.raises(FrameError, match="no multiple of 3,074"):
        read_known_set(tmp_path, "cifar100")


class Alarm:
    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


def test_the_pickled_version_is_refused_and_not_loaded(tmp_path):
    (tmp_path / "test_batch").write_bytes(pickle.dumps(Alarm()))
    with pytest.raises(FrameError, match=r"pickled version, which would run code. Take the binary version"):
        read_known_set(tmp_path, "cifar10")


def test_cifar_10_c_has_its_severities_one_after_the_other(tmp_path):
    shades = np.arange(10, dtype=np.uint8)  # two pictures at each severity
    np.save(tmp_path / "fog.npy", np.broadcast_to(shades[:, None, None, None], (10, 32, 32, 3)))
    np.save(tmp_path / "labels.npy", np.tile(np.array([3, 8]), 5))
    found = read_known_set(tmp_path, "cifar10-c/fog/3")
    assert found.pictures[:, 0, 0, 0].tolist() == [4, 5]
    assert [found.classes[label] for label in found.labels] == ["cat", "ship"]
    for name in ("cifar10-c", "cifar10-c/fog/6", "cifar10-c/rain/1"):
        with pytest.raises(SpecError, match=r"has: fog; severities are 1 to 5"):
            read_known_set(tmp_path, name)
    np.save(tmp_path / "labels.npy", np.array([Alarm()], dtype=object), allow_pickle=True)
    with pytest.raises(FrameError, match="cannot be read as numbers"):
        read_known_set(tmp_path, "cifar10-c/fog/3")


def test_unknown_sets_and_folders_are_refused(tmp_path):
    with pytest.raises(SpecError, match="imagenet-v2"):
        read_known_set(tmp_path, "imagenetv2")
    with pytest.raises(FrameError, match="is no folder"):
        read_known_set(tmp_path / "nowhere", "cifar10")
    with pytest.raises(SpecError, match="only cifar10-c has parts"):
        read_known_set(tmp_path, "imagenet-a/1")
