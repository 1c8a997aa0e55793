"""Model files that are not what they should be, and places where none can be written."""

import errno
import io
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest

from cli.shell import SMALL, write_csv


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    return data[:-7] + bytes([data[-7] ^ 1]) + data[-6:]


def pickled(_: bytes) -> bytes:
    return pickle.dumps({"flow": 1})


def zipped(_: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model", "1")
    return buffer.getvalue()


def newer(data: bytes) -> bytes:
    assert b'\\"version\\":1' in data
    return data.replace(b'\\"version\\":1', b'\\"version\\":9', 1)


def text(_: bytes) -> bytes:
    return b"a,b\n1,2\n3,4\n"


DAMAGE = {
    truncated: "the file is cut short",
    flipped: "the file is damaged",
    pickled: "this is a pickle, which could run code and is never opened",
    zipped: "this is a zip archive",
    newer: "the file has format version 9, this pushforward reads up to 1",
    text: "this is not a model file",
}
COMMANDS = {
    "show": (),
    "score": ("toy:moons:10",),
    "sample": ("-n", "2"),
    "plot": ("-o", "p.png"),
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_model_file_is_named_with_what_it_is(fails, moons_model, tmp_path, monkeypatch, command, damage):
    monkeypatch.chdir(tmp_path)
    Path("m.safetensors").write_bytes(damage(moons_model.read_bytes()))
    error, _ = fails(command, "m.safetensors", *COMMANDS[command])
    assert error.startswith(f"m.safetensors: {DAMAGE[damage]}")
    assert [file.name for file in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_missing_model_suggests_the_nearest(fails, moons_model, monkeypatch):
    monkeypatch.chdir(moons_model.parent)
    assert fails("show", "moon.safetensors") == ("moon.safetensors: no such file.", "did you mean 'moons.safetensors'?")


@pytest.mark.parametrize(
    ("target", "error", "hint"),
    [
        ("nowhere/m.safetensors", "there is no folder nowhere.", "make the folder"),
        (".", "this is a folder.", "give a file name"),
        ("/dev/full", "this is a device or a pipe.", "plain file"),
        ("/proc/m.safetensors", "nothing can be written to the folder", "choose another folder"),
    ],
)
def test_a_target_that_cannot_be_written_is_told_before_training(fails, tmp_path, monkeypatch, target, error, hint):
    monkeypatch.chdir(tmp_path)
    said = fails("fit", "toy:moons:300", "-o", target, *SMALL)
    assert error in said[0]
    assert hint in said[1]


def test_a_model_never_replaces_the_data(fails, tmp_path):
    data = write_csv(tmp_path / "d.csv", "a,b", [[1, 2], [3, 4.5]])
    before = data.read_text()
    error, _ = fails("fit", data, "-o", tmp_path / "." / "d.csv", *SMALL, code=2)
    assert error == f"{data} is read by this command: it would be replaced."
    assert data.read_text() == before


@pytest.mark.parametrize(
    "words",
    [
        ("score", "MODEL", "DATA", "-o", "DATA"),
        ("score", "MODEL", "DATA", "-o", "./DATA"),
        ("impute", "MODEL", "DATA", "-o", "DATA"),
        ("outliers", "MODEL", "DATA", "-o", "DATA"),
        ("outliers", "MODEL", "MORE", "--calibration", "DATA", "-o", "DATA"),
        ("plot", "MODEL", "DATA", "-o", "MODEL"),
        ("synthesize", "DATA", "-n", "5", "-o", "DATA"),
        ("distill", "MODEL", "-o", "MODEL"),
        ("predict", "GIVEN", "DATA", "-o", "DATA"),
        ("sample", "GIVEN", "--given-file", "DATA", "-o", "DATA"),
    ],
)
def test_no_command_replaces_what_it_reads(
    fails, people, people_model, conditional_model, tmp_path, words, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    places = {"DATA": "d.csv", "./DATA": "./d.csv", "MORE": "e.csv", "MODEL": "m.safetensors", "GIVEN": "g.safetensors"}
    for name, source in {"DATA": people, "MORE": people, "MODEL": people_model, "GIVEN": conditional_model}.items():
        shutil.copy(source, places[name])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    error, hint = fails(*(places.get(word, word) for word in words), code=2)
    assert error == f"{places[words[-1]]} is read by this command: it would be replaced."
    assert "-o" in hint
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_full_disk_at_the_end_keeps_the_old_model_and_the_training(run, works, tmp_path, monkeypatch):
    model = tmp_path / "m.safetensors"
    model.write_text("old")
    replace = os.replace

    def full(source, target):
        if Path(target) == model:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    result = run("fit", "toy:moons:300", "-o", model, *SMALL)
    error, hint = result.stderr.splitlines()[-2:]
    assert result.exit_code == 1
    assert error == f"error: {model}: cannot be written (No space left on device); the old file is unchanged."
    assert f"--resume --checkpoint {model}.checkpoint" in hint
    assert model.read_text() == "old"
    monkeypatch.undo()
    works("fit", "toy:moons:300", "-o", model, *SMALL, "--resume", "--checkpoint", f"{model}.checkpoint")
    assert works("score", model, "toy:moons:10").stdout
    assert [file.name for file in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_checkpoint_of_another_fit_is_refused(run, fails, tmp_path, monkeypatch):
    model = tmp_path / "m.safetensors"
    monkeypatch.setattr("pushforward.cli.fitting._run._save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    run("fit", "toy:moons:300", "-o", model, *SMALL)
    monkeypatch.undo()
    assert Path(f"{model}.checkpoint").exists()
    error, hint = fails("fit", "toy:moons:300:9", "-o", model, *SMALL, "--resume")
    assert "belongs to another fit: data changed" in error
    assert "same data" in hint


def test_resume_without_a_checkpoint_starts_anew_and_says_so(works, tmp_path):
    result = works("fit", "toy:moons:300", "-o", tmp_path / "m.safetensors", *SMALL, "--resume")
    assert "training starts from the beginning" in result.stderr


def test_an_old_checkpoint_is_not_replaced_without_a_word(works, tmp_path):
    (tmp_path / "m.safetensors.checkpoint").write_text("old")
    result = works("fit", "toy:moons:300", "-o", tmp_path / "m.safetensors", *SMALL)
    assert "warning: " in result.stderr
    assert "--resume would go on from it" in result.stderr
