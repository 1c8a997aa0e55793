"""Reading images: every form that is read, and what is said of those that are not."""

import struct
import zlib

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


def png_of(height, width, *, depth, scanlines):
    """The bytes of a PNG in colour, of which Pillow cannot write every kind."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(scanlines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def cut_short(path, size=3000):
    path.write_bytes(path.read_bytes()[:size])


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


def test_a_picture_that_was_taken_sideways_stands_upright(tmp_path):
    values = np.kron(bytes_of(2, 4), np.ones((8, 8), np.uint8))
    picture = Image.fromarray(values)
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "1.jpg", exif=exif, quality=100)
    images = read_images(tmp_path)
    assert images.shape == (32, 16, 1)
    np.testing.assert_allclose(images.values[0, ..., 0].astype(int), np.rot90(values, -1), atol=3)


def test_arrays_carry_their_labels(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, x_train=bytes_of(4, 3, 5), y_train=np.array([7, 7, 9, 7]), x_test=bytes_of(2, 3, 5))
    images = read_images(f"{path}:x_train")
    assert images.shape == (3, 5, 1)
    assert images.label_names == ("7", "9")
    assert images.labels.tolist() == [0, 0, 1, 0]


def test_labels_may_stand_in_a_column(tmp_path):
    np.savez(tmp_path / "set.npz", x=bytes_of(3, 4, 4), y=np.array([[7], [9], [7]]))
    assert read_images(tmp_path / "set.npz").labels.tolist() == [0, 1, 0]


def test_truth_values_have_2_levels(tmp_path):
    np.save(tmp_path / "x.npy", bytes_of(2, 4, 4) > 127)
    assert read_images(tmp_path / "x.npy").levels == 2


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
    cut_short(path / "1.png")
    with pytest.raises(ValueError, match=r"1.png: the picture cannot be read whole[\s\S]*--skip-bad"):
        read_images(path)


def test_names_labels_and_values_fit_without_the_picture_that_was_left_out(folder):
    pictures = {name: bytes_of(64, 64, 3, seed=seed) for seed, name in enumerate(("a/1.png", "a/2.png", "b/1.png"))}
    path = folder(pictures)
    cut_short(path / "a/1.png")
    images = read_images(path, skip_bad=True)
    assert images.skipped == ("a/1.png",)
    assert images.names == ("a/2.png", "b/1.png")
    assert images.labels.tolist() == [0, 1]
    np.testing.assert_array_equal(images.values, np.stack([pictures[name] for name in images.names]))


def test_a_folder_without_a_whole_picture_is_refused(folder):
    path = folder({"1.png": bytes_of(64, 64, 3), "2.png": bytes_of(64, 64, 3)})
    for picture in path.iterdir():
        cut_short(picture)
    with pytest.raises(ValueError, match="cannot be read whole"):
        read_images(path, skip_bad=True)


def test_a_picture_too_large_to_be_read_is_named(folder):
    path = folder({"1.png": bytes_of(8, 8, 3)})
    (path / "2.png").write_bytes(png_of(40_000, 40_000, depth=8, scanlines=bytes(100)))
    with pytest.raises(ValueError, match=r"2.png: the picture is too large"):
        read_images(path)


def test_an_alpha_channel_is_refused(folder):
    with pytest.raises(ValueError, match=r"1.png: there is an alpha channel[\s\S]*--mode rgb"):
        read_images(folder({"1.png": bytes_of(8, 8, 4)}))


def test_sixteen_bits_are_refused(folder):
    with pytest.raises(ValueError, match=r"1.png: 16 bits"):
        read_images(folder({"1.png": bytes_of(8, 8).astype(np.uint16) * 200}))


def test_sixteen_bits_are_refused_in_colour_too(tmp_path):
    scanlines = b"".join(b"\0" + bytes_of(8 * 3 * 2).tobytes() for _ in range(8))
    (tmp_path / "1.png").write_bytes(png_of(8, 8, depth=16, scanlines=scanlines))
    with pytest.raises(ValueError, match=r"1.png: 16 bits"):
        read_images(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the folder is empty"):
        read_images(tmp_path)


@pytest.mark.parametrize(
    ("top", "hint"),
    [(1.0, r"np\.round\(255 \* x\)"), (255.0, r"np\.round\(x\)"), (np.nan, "NaN"), (np.inf, "infinite")],
)
def test_arrays_of_floats_are_refused(tmp_path, top, hint):
    values = np.zeros((2, 4, 4))
    values[0, 0, 0] = top
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(ValueError, match=rf"float64[\s\S]*255[\s\S]*{hint}"):
        read_images(tmp_path / "x.npy")


def test_an_array_of_no_images_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", bytes_of(0, 4, 4))
    with pytest.raises(ValueError, match="holds no image"):
        read_images(tmp_path / "x.npy")


def test_a_label_for_each_image_is_asked_for(tmp_path):
    np.savez(tmp_path / "set.npz", x=bytes_of(3, 4, 4), y=np.arange(2))
    with pytest.raises(ValueError, match=r"3 images, but labels of shape \(2,\)"):
        read_images(tmp_path / "set.npz")


def test_channels_in_front_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", bytes_of(2, 3, 4, 4))
    with pytest.raises(ValueError, match=r"\(2, 3, 4, 4\)[\s\S]*moveaxis"):
        read_images(tmp_path / "x.npy")


def test_one_of_several_arrays_must_be_named(tmp_path):
    np.savez(tmp_path / "set.npz", x_train=bytes_of(4, 3, 5), x_test=bytes_of(2, 3, 5))
    with pytest.raises(ValueError, match=r"x_train, x_test hold images[\s\S]*set.npz:x_train"):
        read_images(tmp_path / "set.npz")
