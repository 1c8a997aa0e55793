"""Streams of bytes on their way to Arrow: taken from the start again, recoded, cleaned."""

import codecs
import io
import re
from collections.abc import Callable
from typing import Any

CHUNK_BYTES = 1 << 20
Clean = Callable[[bytes], bytes]


def read_head(stream: Any, count: int) -> bytes:
    """The first `count` bytes or somewhat more, or all there are."""
    parts, size = [], 0
    while size < count and (part := stream.read(count)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


class _Pieces(io.RawIOBase):
    """A stream of what `next_piece` gives, until it gives nothing."""

    def __init__(self, next_piece: Callable[[], bytes]):
        self._next, self._piece = next_piece, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._piece:
            self._piece = memoryview(self._next())
        count = min(len(buffer), len(self._piece))
        buffer[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count


def replayed(head: bytes, rest: Any) -> Any:
    """What began with `head`, from its beginning."""
    held = [head]
    return _stream(lambda: held.pop() if held else rest.read(CHUNK_BYTES))


def as_file(stream: Any) -> Any:
    """A stream as Arrow takes it: its own as it is, another as a file of Python."""
    return stream if hasattr(stream, "closed") else _stream(lambda: stream.read(CHUNK_BYTES))


def recoded(stream: Any, encoding: str) -> Any:
    """The text of a stream in UTF-8; a UnicodeError where it is not of that encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()

    def following() -> bytes:
        while part := stream.read(CHUNK_BYTES):
            if text := decoder.decode(part):
                return text.encode()
        return decoder.decode(b"", True).encode()

    return _stream(following)


def cleaned(stream: Any, clean: Clean) -> Any:
    """A stream through a function that is given whole lines, and never the half of a cell in quotes."""
    rest = b""

    def following() -> bytes:
        nonlocal rest
        while part := stream.read(CHUNK_BYTES):
            rest += part
            stop = _whole_rows(rest)
            if stop:
                done, rest = clean(rest[:stop]), rest[stop:]
                if done:
                    return done
        done, rest = clean(rest), b""
        return done

    return _stream(following)


def _whole_rows(text: bytes) -> int:
    """Where the last line ends before which all quotes are closed; 0 if there is none."""
    stop = text.rfind(b"\n") + 1
    for _ in range(1000):
        if not stop or text.count(b'"', 0, stop) % 2 == 0:
            return stop
        stop = text.rfind(b"\n", 0, stop - 1) + 1
    return stop


def _stream(next_piece: Callable[[], bytes]) -> Any:
    return io.BufferedReader(_Pieces(next_piece), CHUNK_BYTES)


def comment_remover(mark: str) -> Clean:
    """Takes away the lines that begin with a mark."""
    line = re.compile(rb"^[ \t]*" + re.escape(mark.encode()) + rb"[^\n]*(?:\n|\Z)", re.MULTILINE)
    return lambda text: line.sub(b"", text)


def blanks_joiner() -> Clean:
    """Makes a tab of each run of blanks between cells, and takes away those around lines."""
    pattern = re.compile(rb'("(?:[^"]|"")*")|^[ \t]+|[ \t]+(?=\r?$)|[ \t]+', re.MULTILINE)

    def joined(match: re.Match[bytes]) -> bytes:
        if match[1] is not None:
            return match[1]
        at_edge = match.start() == 0 or match.string[match.start() - 1] == 0x0A
        return b"" if at_edge or match.string[match.end() : match.end() + 1] in (b"", b"\n", b"\r") else b"\t"

    return lambda text: pattern.sub(joined, text)


def blanks_stripper(delimiter: str) -> Clean:
    """Takes away blanks around cells; in quotes they stay."""
    mark = re.escape(delimiter.encode())
    blank = rb"[ ]" if delimiter == "\t" else rb"[ \t]"
    pattern = re.compile(
        rb"(?:(?<=" + mark + rb")|^)" + blank + rb'*("(?:[^"]|"")*")' + blank + rb"*(?=" + mark + rb"|\r?$)"
        rb"|(?:(?<=" + mark + rb")|^)" + blank + rb"+"
        rb"|" + blank + rb"+(?=" + mark + rb"|\r?$)",
        re.MULTILINE,
    )
    return lambda text: pattern.sub(rb"\1", text)
