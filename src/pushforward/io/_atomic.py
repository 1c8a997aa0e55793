"""Write a file whole or not at all."""

import contextlib
import errno
import os
import secrets
import shutil
import stat
from pathlib import Path

from pushforward._errors import FileError

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file at `path` by `data`; until the last step the old file stays, and it stays if a step fails.

    The bytes go to a new file in the same folder, are flushed to the disk, and the new file takes the name. A process
    that is killed in between leaves a hidden `.pushforward-*.tmp` behind, which may be deleted.

    Raises:
        FileError: If the folder is missing or not writable, the disk is full, or `path` is not a plain file.
    """
    # Through links, so that the file that is linked to is replaced and not the link.
    target = Path(os.path.realpath(path))
    _check_target(path, target)
    temporary = target.parent / f".pushforward-{secrets.token_hex(8)}.tmp"
    try:
        _write_synced(temporary, data)
        _keep_mode(target, temporary)
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise _cannot_write(path, target, error) from error
        raise
    _sync_folder(target.parent)


def _check_target(path: Path, target: Path) -> None:
    if target.is_dir():
        raise FileError(f"{path}: this is a folder.", f"give a file name, such as {path / 'model'}.safetensors")
    # Replacing a device or a pipe would delete it.
    if target.exists() and not target.is_file():
        raise FileError(f"{path}: this is a device or a pipe.", "give the name of a plain file")
    if not target.parent.is_dir():
        raise FileError(f"{path}: there is no folder {str(path.parent)!r}.", "make the folder first")


def _write_synced(temporary: Path, data: bytes) -> None:
    with open(temporary, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _keep_mode(target: Path, temporary: Path) -> None:
    with contextlib.suppress(OSError):  # a new file has no mode to keep; some disks have no modes
        os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))


def _sync_folder(folder: Path) -> None:
    # Makes the new name last through a power cut. Not all systems can; the file is in place already.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _cannot_write(path: Path, target: Path, error: OSError) -> FileError:
    kept = "; the old file is unchanged" if target.exists() else ""
    message = f"{path}: cannot be written ({error.strerror or error}){kept}."
    if error.errno in _NO_SPACE:
        return FileError(message, f"free some space ({_free_space(target.parent)}) or save to another disk")
    if error.errno in _NOT_ALLOWED:
        return FileError(message, f"make the folder {path.parent} writable, or save somewhere else")
    return FileError(message, "save to another folder or disk")


def _free_space(folder: Path) -> str:
    try:
        return f"{shutil.disk_usage(folder).free / 2**20:.1f} MiB are left"
    except OSError:
        return "the space left is not known"
