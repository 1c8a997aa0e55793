"""A failed or killed save never costs the old file."""

import errno
import os
import resource
import stat
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from pushforward import io
from pushforward._errors import FileError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.safetensors"


def write(path, value, size=1000):
    io.write_arrays(path, {"x": np.full(size, value, np.float32)}, {"value": value})


def value_in(path):
    """The number that fills the file."""
    arrays, metadata = io.read_arrays(path)
    assert np.all(arrays["x"] == metadata["value"])
    return metadata["value"]


def assert_old_file_survives(path, *, match, hint):
    with pytest.raises(FileError, match=match) as error:
        write(path, 2.0)
    assert hint in error.value.hint
    assert "the old file is unchanged" in error.value.message
    assert value_in(path) == 1.0
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def failing(number):
    def fail(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_full_disk_keeps_the_old_file(path, monkeypatch, step):
    write(path, 1.0)
    monkeypatch.setattr(os, step, failing(errno.ENOSPC))
    assert_old_file_survives(path, match="No space left", hint="free some space")


def test_file_size_limit_keeps_the_old_file(path):
    write(path, 1.0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        assert_old_file_survives(path, match="File too large", hint="save to another disk")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_read_only_folder_keeps_the_old_file(path, monkeypatch):
    write(path, 1.0)
    monkeypatch.setattr("pushforward.io._atomic._write_synced", failing(errno.EROFS))
    assert_old_file_survives(path, match="Read-only file system", hint="writable")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission_keeps_the_old_file(path):
    write(path, 1.0)
    path.parent.chmod(0o500)
    try:
        assert_old_file_survives(path, match="Permission denied", hint="writable")
    finally:
        path.parent.chmod(0o700)


def test_interrupt_keeps_the_old_file(path, monkeypatch):
    write(path, 1.0)

    def interrupt(_descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(path, 2.0)
    monkeypatch.undo()
    assert value_in(path) == 1.0
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_bytes_are_on_the_disk_before_the_name_changes(path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: calls.append(stat.S_ISDIR(os.fstat(fd).st_mode)) or fsync(fd))
    monkeypatch.setattr(os, "replace", lambda old, new: calls.append("replace") or replace(old, new))
    write(path, 1.0)
    assert calls == [False, "replace", True]


def test_new_file_has_the_usual_mode(path):
    umask = os.umask(0o022)
    try:
        write(path, 1.0)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_replaced_file_keeps_its_mode(path):
    write(path, 1.0)
    path.chmod(0o640)
    write(path, 2.0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_link_is_followed(path, tmp_path):
    write(path, 1.0)
    link = tmp_path / "latest"
    link.symlink_to(path.name)
    write(link, 2.0)
    assert link.is_symlink()
    assert value_in(path) == 2.0


def test_pipe_is_not_replaced(path):
    os.mkfifo(path)
    with pytest.raises(FileError, match="device or a pipe"):
        write(path, 1.0)
    assert path.is_fifo()


def test_missing_folder_is_said(tmp_path):
    with pytest.raises(FileError, match="there is no folder") as error:
        write(tmp_path / "nowhere" / "state.safetensors", 1.0)
    assert error.value.hint == "make the folder first"


def test_folder_as_a_target_is_refused(tmp_path):
    with pytest.raises(FileError, match="is a folder"):
        write(tmp_path, 1.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_kill_in_the_middle_of_saving_leaves_a_whole_file(path):
    """A process saves in a loop and is killed at random moments; the file can be read each time."""
    script = textwrap.dedent("""
        import os, random, signal, sys, time
        import numpy as np
        from pushforward import io

        path, rounds = sys.argv[1], int(sys.argv[2])
        arrays = {"x": np.arange(250_000, dtype=np.float32)}
        random.seed(0)
        io.write_arrays(path, arrays, {"save": 0})
        for _ in range(rounds):
            child = os.fork()
            if child == 0:
                save = 0
                while True:
                    save += 1
                    io.write_arrays(path, arrays, {"save": save})
            time.sleep(random.uniform(0.02, 0.1))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            read, metadata = io.read_arrays(path)
            assert np.array_equal(read["x"], arrays["x"])
            print(metadata["save"])
    """)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(path), "30"], capture_output=True, text=True, check=True
    )
    saves = [int(line) for line in run.stdout.split()]
    assert len(saves) == 30
    assert max(saves) > 1
