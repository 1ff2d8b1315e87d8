"""The bytes of a suite or prompt file, or of a request body, as text whose errors name the line."""

import io
import os
import stat
from collections.abc import Generator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO

from src.domain.evaluation.errors import SuiteFileError

MAX_LINE_BYTES = 10_000_000
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Source:
    """A file on disk (`path`) or the `body` of a request; `label` is what errors call it."""

    label: str
    path: Path | None = None
    body: bytes = b""

    def open(self) -> BinaryIO:
        """The bytes from their beginning. Raises SuiteFileError unless it is a regular file that can be read."""
        if self.path is None:
            return io.BytesIO(self.body)
        try:
            mode = self.path.stat().st_mode
            if stat.S_ISREG(mode):
                return self.path.open("rb")
        except OSError as exc:
            raise SuiteFileError(f"cannot be read: {exc.strerror}.", file=self.label) from exc
        except ValueError as exc:  # a NUL in the path
            raise SuiteFileError(f"is no file name: {exc}.", file=self.label) from exc
        kind = (
            "is a directory"
            if stat.S_ISDIR(mode)
            else "is no regular file, and it must be read more than once"
        )
        raise SuiteFileError(f"{kind}; give a file.", file=self.label)

    def text(self, *, max_bytes: int) -> str:
        """All of it, without a byte order mark; a file that is too big is refused before it is read."""
        with self.open() as stream:
            size = len(self.body) if self.path is None else os.fstat(stream.fileno()).st_size
            if size > max_bytes:
                raise SuiteFileError(f"has {size:,} bytes; at most {max_bytes:,} fit.", file=self.label)
            raw = stream.read(max_bytes)
        try:
            text = raw.decode()
        except UnicodeDecodeError as exc:
            column = exc.start - (raw.rfind(b"\n", 0, exc.start) + 1)
            raise self._not_utf8(raw, column, raw.count(b"\n", 0, exc.start) + 1, exc) from exc
        if (at := text.find("\0")) >= 0:
            raise self._nul(text.count("\n", 0, at) + 1)
        return text.removeprefix("\ufeff")

    def lines(self) -> Generator[str, None, None]:
        """Line by line, with their line ends, in flat memory."""
        with self.open() as stream:
            for number in count(1):
                raw = stream.readline(MAX_LINE_BYTES + 1)
                if not raw:
                    return
                if len(raw) > MAX_LINE_BYTES:
                    raise SuiteFileError(
                        f"the line is longer than {MAX_LINE_BYTES:,} bytes.", file=self.label, line=number
                    )
                try:
                    line = raw.decode()
                except UnicodeDecodeError as exc:
                    raise self._not_utf8(raw, exc.start, number, exc) from exc
                if "\0" in line:
                    raise self._nul(number)
                yield line if number > 1 else line.removeprefix("\ufeff")

    def _not_utf8(self, raw: bytes, at: int, line: int, exc: UnicodeDecodeError) -> SuiteFileError:
        utf16 = line == 1 and raw[:2] in _UTF16_MARKS
        found = (
            "the file looks like UTF-16" if utf16 else f"byte {at + 1} of the line is no UTF-8 ({exc.reason})"
        )
        return SuiteFileError(f"{found}; save it as UTF-8.", file=self.label, line=line)

    def _nul(self, line: int) -> SuiteFileError:
        return SuiteFileError(
            "the line holds a NUL character; the file is no text.", file=self.label, line=line
        )
