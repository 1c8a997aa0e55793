"""Whatever is wrong with a file, the reader says so in one line and gives one hint."""

import json
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from pushforward import io
from pushforward._errors import FileError
from pushforward._types import Part
from pushforward.io._container import FORMAT_VERSION, Contents, decode, encode


class Shift(Part):
    loc: jax.Array


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def good(path):
    """A small good file's bytes, also at `path`."""
    io.save(path, Shift(jnp.array([0.5, -1.5])), metadata={"columns": ["a", "b"]})
    return path.read_bytes()


def refused(path):
    with pytest.raises(FileError) as error:
        io.load(path)
    assert str(path) in error.value.message
    assert error.value.hint
    assert "\n" not in error.value.message + error.value.hint
    return error.value


def npz(path):
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))


def npy(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


FOREIGN = {
    "a pickle": (
        lambda path: path.write_bytes(pickle.dumps({"a": np.zeros(3)})),
        "this is a pickle, which could run code",
    ),
    "an old pickle": (lambda path: path.write_bytes(pickle.dumps([1.0], protocol=2)), "this is a pickle"),
    "an npz": (npz, "this is a zip archive"),
    "an npy": (npy, "this is a NumPy .npy file"),
    "a table": (lambda path: path.write_text("a,b\n1,2\n3,4\n"), "is not a model file"),
    "json": (lambda path: path.write_text('{"a": {"b": {"c": 1}}}'), "is not a model file"),
    "zeros": (lambda path: path.write_bytes(bytes(100)), "is not a model file"),
    "nothing": (lambda path: path.write_bytes(b""), "the file is empty"),
    "weights of others": (
        lambda path: safetensors.numpy.save_file({"a": np.zeros(3)}, path, {"format": "pt"}),
        "is a safetensors file, but pushforward did not write it",
    ),
    "weights without metadata": (
        lambda path: safetensors.numpy.save_file({"a": np.zeros(3)}, path),
        "is a safetensors file, but pushforward did not write it",
    ),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_file_is_named(path, kind):
    write, message = FOREIGN[kind]
    write(path)
    assert message in refused(path).message


def test_a_pickle_is_not_opened(path, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (np.save, (str(tmp_path / "exploded"), np.zeros(1)))

    path.write_bytes(pickle.dumps(Bomb()))
    refused(path)
    assert not (tmp_path / "exploded.npy").exists()


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_one_changed_bit_is_found_at_every_byte(good, mask):
    for i in range(len(good)):
        bad = bytearray(good)
        bad[i] ^= mask
        with pytest.raises(FileError):
            decode(bytes(bad), "file")


def test_changed_weight_is_called_damage(path, good):
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert "is damaged" in refused(path).message


def test_every_shorter_file_is_refused(good):
    for length in range(1, len(good)):
        with pytest.raises(FileError):
            decode(good[:length], "file")


@pytest.mark.parametrize("length", [1, 7, 8, 9, 200, -1])
def test_cut_file_is_called_short(path, good, length):
    path.write_bytes(good[:length])
    assert "is cut short" in refused(path).message


def test_longer_file_is_refused(path, good):
    path.write_bytes(good + b"\0")
    assert "is damaged" in refused(path).message


def test_newer_version_says_to_upgrade(path, good):
    header_end = 8 + int.from_bytes(good[:8], "little")
    old, new = f'\\"version\\":{FORMAT_VERSION}', f'\\"version\\":{FORMAT_VERSION + 1}'
    path.write_bytes(good[:header_end].replace(old.encode(), new.encode()) + good[header_end:])
    error = refused(path)
    assert f"has format version {FORMAT_VERSION + 1}" in error.message
    assert "upgrade" in error.hint
    assert "git pull" in error.hint  # no package index has it


def test_header_that_nests_without_end_is_refused(path):
    text = b'{"a":' * 100_000
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    assert "is damaged" in refused(path).message


@pytest.mark.parametrize("header", [[], {"__metadata__": 3}, {"__metadata__": {"pushforward": "[1]"}}])
def test_header_of_another_form_is_refused(path, header):
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    refused(path)


def test_missing_file_gives_the_nearest_name(path, good):
    assert path.read_bytes() == good
    error = refused(path.with_name("modle.safetensors"))
    assert "no such file" in error.message
    assert error.hint == "did you mean 'model.safetensors'?"


def test_missing_folder_is_said(tmp_path):
    assert "there is no folder" in refused(tmp_path / "nowhere" / "model.safetensors").hint


def test_a_folder_is_refused(path, good):
    assert path.read_bytes() == good
    error = refused(path.parent)
    assert "is a folder" in error.message
    assert "model.safetensors" in error.hint


def test_checkpoint_is_not_a_flow(path):
    io.write_arrays(path, {"step": np.int32(3)}, {})
    assert "training checkpoint" in refused(path).message


def test_flow_is_not_a_checkpoint(path, good):
    assert path.read_bytes() == good
    with pytest.raises(FileError, match="this is a flow") as error:
        io.read_arrays(path)
    assert "pushforward.load" in error.value.hint


def test_file_error_is_an_os_error(path):
    with pytest.raises(OSError, match="no such file"):
        io.load(path)


def test_digest_in_the_metadata_does_not_confuse_the_reader(path):
    metadata = {"sha256": "0" * 64, '"pushforward":"{\\"sha256\\":\\"': '"pushforward":"{\\"sha256\\":\\"' + "0" * 64}
    io.save(path, Shift(jnp.zeros(1)), metadata=metadata)
    assert io.read(path)[1] == metadata


def test_tensor_name_cannot_be_taken_for_the_header(path):
    name = '"pushforward":"{\\"sha256\\":\\"'
    contents = decode(encode(Contents({name: np.arange(3.0)}, {"content": "arrays", "metadata": {}})), "file")
    np.testing.assert_array_equal(contents.arrays[name], np.arange(3.0))
