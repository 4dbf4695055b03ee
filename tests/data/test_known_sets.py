"""Published sets in tiny copies of their layouts: each class has the name that belongs to its folder or number."""

import os
import pickle

import numpy as np
import pytest
from PIL import Image

from vlmrm.data.known_sets import imagenet_names, read_known_set, wordnet_ids
from vlmrm.errors import FrameError, SpecError


def picture(path, shade):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((2, 2, 3), shade, np.uint8)).save(path)


def in_folders(root, names, pictures=("one",)):
    """Empty files, all of them one on the disk, as only their names are read."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "empty").touch()
    for name in names:
        (root / str(name)).mkdir()
        for one in pictures:
            os.link(root / "empty", root / str(name) / f"{one}.png")


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
    in_folders(tmp_path, range(1000))
    picture(tmp_path / "2" / "one.png", 77)
    found = read_known_set(tmp_path, "imagenet-v2", whole=False)
    assert found.classes == tuple(names.values())
    place = found.names.index("2/one.png")
    assert (found.labels[place], found.classes[2]) == (2, "great white shark")  # as strings, 2 would be the 112th
    assert found.pictures[place].max() == 77
    (tmp_path / "37" / "one.png").unlink()
    with pytest.raises(FrameError, match="have no pictures: 37"):
        read_known_set(tmp_path, "imagenet-v2", whole=False)
    (tmp_path / "37").rmdir()
    with pytest.raises(FrameError, match="missing: 37"):
        read_known_set(tmp_path, "imagenet-v2")


def test_a_set_that_is_not_whole_is_refused_by_the_classes_that_differ(tmp_path):
    in_folders(tmp_path / "v2", range(1000), range(10))
    assert np.bincount(read_known_set(tmp_path / "v2", "imagenet-v2").labels).tolist() == [10] * 1000
    (tmp_path / "v2" / "37" / "0.png").unlink()
    (tmp_path / "v2" / "40" / "10.png").touch()
    with pytest.raises(FrameError, match=r"10 pictures in each of 1,000 folders; it has 9 in 37, 11 in 40\. Unpack"):
        read_known_set(tmp_path / "v2", "imagenet-v2")


def test_imagenet_c_has_a_folder_of_classes_for_each_corruption_and_severity(tmp_path, names):
    (tmp_path / "fog" / "1").mkdir(parents=True)
    in_folders(tmp_path / "fog" / "3", names)
    found = read_known_set(tmp_path, "imagenet-c/fog/3", whole=False)
    assert found.classes == tuple(names.values())
    assert found.pictures.paths[1] == tmp_path / "fog" / "3" / "n01443537" / "one.png"
    assert found.labels.tolist() == list(range(1000))
    for name in ("imagenet-c", "imagenet-c/fog", "imagenet-c/fog/2", "imagenet-c/snow/3", "imagenet-c/fog/3/n01443537"):
        with pytest.raises(SpecError, match=r"a corruption and a severity, 1 to 5.* has: fog at 1, 3\."):
            read_known_set(tmp_path, name)
    for folder, name in ((tmp_path, "imagenet-c/fog/3"), (tmp_path / "fog" / "3", "imagenet")):
        with pytest.raises(FrameError, match="50 pictures in each of 1,000 folders; it has 1 in n01440764, 1 in n0144"):
            read_known_set(folder, name)
    assert read_known_set(tmp_path / "fog" / "3", "imagenet-sketch").labels[-1] == 999  # of no fixed number a class


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
    assert found.names == ["test_batch.bin#0", "test_batch.bin#1"]
    rows = [([3, 1], (9, 8, 7))]
    cifar(tmp_path, rows, before=2, file="test.bin", names=("fine_label_names.txt", ["apple", "aquarium_fish"]))
    found = read_known_set(tmp_path, "cifar100")
    assert found.labels.tolist() == [1]  # the fine label
    assert found.classes == ("apple", "aquarium fish")  # as a sentence has it
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
    assert found.names == ["fog.npy#4", "fog.npy#5"]
    for name in ("cifar10-c", "cifar10-c/fog/6", "cifar10-c/rain/1"):
        with pytest.raises(SpecError, match=r"1 to 5.* has: fog at 1, 2, 3, 4, 5\."):
            read_known_set(tmp_path, name)
    np.save(tmp_path / "labels.npy", np.array([Alarm()], dtype=object), allow_pickle=True)
    with pytest.raises(FrameError, match="cannot be read as numbers"):
        read_known_set(tmp_path, "cifar10-c/fog/3")


def test_corrupted_cifar_has_the_names_of_the_list_that_lies_there(tmp_path):
    np.save(tmp_path / "fog.npy", np.zeros((5, 32, 32, 3), np.uint8))
    np.save(tmp_path / "labels.npy", np.full(5, 1))
    with pytest.raises(FrameError, match="fine_label_names"):
        read_known_set(tmp_path, "cifar100-c/fog/1")
    for name, file in (("cifar10-c", "batches.meta.txt"), ("cifar100-c", "fine_label_names.txt")):
        (tmp_path / file).write_text("plane\nsports_car\n")
        assert read_known_set(tmp_path, f"{name}/fog/1").classes == ("plane", "sports car")


def test_unknown_sets_and_folders_are_refused(tmp_path):
    with pytest.raises(SpecError, match="imagenet-v2"):
        read_known_set(tmp_path, "imagenetv2")
    with pytest.raises(FrameError, match="is no folder"):
        read_known_set(tmp_path / "nowhere", "cifar10")
    with pytest.raises(SpecError, match="only sets that end in -c have parts"):
        read_known_set(tmp_path, "imagenet-a/1")
