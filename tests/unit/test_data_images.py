"""Reading images: every form that is read, and what is said of those that are not."""

import numpy as np
import pytest
from PIL import Image

from pushforward.data import _images, read_images


@pytest.fixture
def folder(tmp_path):
    """A function that saves arrays as pictures by name."""

    def save(pictures):
        for name, values in pictures.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(path)
        return tmp_path

    return save


def bytes_of(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_a_folder_is_read_bit_by_bit_with_its_subfolders_as_labels(folder):
    pictures = {"cat/1.png": bytes_of(8, 6, 3), "cat/2.png": bytes_of(8, 6, 3, seed=1), "dog/1.png": bytes_of(8, 6, 3)}
    images = read_images(folder(pictures))
    np.testing.assert_array_equal(images.values, np.stack(list(pictures.values())))
    assert images.names == tuple(pictures)
    assert images.label_names == ("cat", "dog")
    assert images.labels.tolist() == [0, 0, 1]


def test_a_folder_that_does_not_fit_in_memory_is_kept_in_a_file(folder, monkeypatch):
    pictures = {"1.png": bytes_of(8, 8), "2.png": bytes_of(8, 8, seed=1)}
    monkeypatch.setattr(_images, "MEMORY", 100)
    images = read_images(folder(pictures))
    assert isinstance(images.values, np.memmap)
    np.testing.assert_array_equal(images.values[..., 0], np.stack(list(pictures.values())))


def test_five_bits_are_the_highest(folder):
    values = bytes_of(4, 4)
    images = read_images(folder({"1.png": values}), bits=5)
    assert images.levels == 32
    np.testing.assert_array_equal(images.values[0, ..., 0], values // 8)


def test_pictures_are_made_alike_when_asked(folder):
    pictures = {"1.png": bytes_of(8, 8, 3), "2.png": bytes_of(9, 9), "3.png": bytes_of(8, 8, 4)}
    assert read_images(folder(pictures), mode="grey", resize=(4, 6)).values.shape == (3, 4, 6, 1)


def test_an_alpha_channel_is_laid_on_white(folder):
    clear = np.zeros((2, 2, 4), np.uint8)
    assert read_images(folder({"1.png": clear}), mode="rgb").values.min() == 255


def test_arrays_carry_their_labels(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, x_train=bytes_of(4, 3, 5), y_train=np.array([7, 7, 9, 7]), x_test=bytes_of(2, 3, 5))
    images = read_images(f"{path}:x_train")
    assert images.shape == (3, 5, 1)
    assert images.label_names == ("7", "9")
    assert images.labels.tolist() == [0, 0, 1, 0]


def test_digits_have_17_levels():
    images = read_images("sklearn:digits")
    assert (images.levels, images.values.max(), len(images), len(images.label_names)) == (17, 16, 1797, 10)


def test_different_sizes_are_named_and_resizing_is_offered(folder):
    path = folder({"1.png": bytes_of(8, 8), "2.png": bytes_of(8, 8), "3.png": bytes_of(9, 8)})
    with pytest.raises(ValueError, match=r"2 of 8 x 8 \(1.png\); 1 of 9 x 8 \(3.png\)[\s\S]*--resize 8x8"):
        read_images(path)


def test_grey_and_colour_do_not_mix(folder):
    path = folder({"1.png": bytes_of(8, 8, 3), "2.png": bytes_of(8, 8)})
    with pytest.raises(ValueError, match=r"1 grey \(2.png\), 1 in colour \(1.png\)[\s\S]*--mode"):
        read_images(path)


def test_a_file_that_is_no_picture_is_named_and_left_out_only_when_asked(folder):
    path = folder({"1.png": bytes_of(8, 8)})
    (path / "notes.txt").write_text("no picture")
    with pytest.raises(ValueError, match=r"notes.txt: not a picture[\s\S]*--skip-bad"):
        read_images(path)
    assert read_images(path, skip_bad=True).skipped == ("notes.txt",)


def test_a_picture_that_is_cut_short_is_named(folder):
    path = folder({"1.png": bytes_of(64, 64, 3)})
    (path / "1.png").write_bytes((path / "1.png").read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"1.png: the picture cannot be read whole"):
        read_images(path)


def test_an_alpha_channel_is_refused(folder):
    with pytest.raises(ValueError, match=r"1.png: there is an alpha channel[\s\S]*--mode rgb"):
        read_images(folder({"1.png": bytes_of(8, 8, 4)}))


def test_sixteen_bits_are_refused(folder):
    with pytest.raises(ValueError, match=r"1.png: 16 bits"):
        read_images(folder({"1.png": bytes_of(8, 8).astype(np.uint16) * 200}))


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the folder is empty"):
        read_images(tmp_path)


def test_arrays_of_floats_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 4, 4)))
    with pytest.raises(ValueError, match=r"float64[\s\S]*255"):
        read_images(tmp_path / "x.npy")


def test_channels_in_front_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", bytes_of(2, 3, 4, 4))
    with pytest.raises(ValueError, match=r"\(2, 3, 4, 4\)[\s\S]*moveaxis"):
        read_images(tmp_path / "x.npy")


def test_one_of_several_arrays_must_be_named(tmp_path):
    np.savez(tmp_path / "set.npz", x_train=bytes_of(4, 3, 5), x_test=bytes_of(2, 3, 5))
    with pytest.raises(ValueError, match=r"x_train, x_test hold images[\s\S]*set.npz:x_train"):
        read_images(tmp_path / "set.npz")
