"""What a browser sends as files is bounded before anything asks for it: neither memory nor disk take more than the limit."""

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

AT_ONCE = 10  # files of one request
MEGABYTE = 1_000_000


def most_bytes() -> int:
    """Of one file."""
    return int(settings.ATTACHMENT_MOST_MB) * MEGABYTE


class Limit(FileUploadHandler):
    """Stands before the handlers that keep what comes. Beyond the limit it hands nothing on: the file arrives without its
    bytes, but with its true size, by which whoever wanted it refuses it."""

    files = 0

    def most(self) -> int:
        """Bytes of one file."""
        return most_bytes()

    def new_file(self, *args: Any, **named: Any) -> None:
        super().new_file(*args, **named)
        self.files += 1

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return None if self._is_beyond(start + len(raw_data)) else raw_data

    def file_complete(self, file_size: int) -> UploadedFile | None:
        if not self._is_beyond(file_size):
            return None
        for handler in getattr(self.request, "upload_handlers", ()):
            if begun := getattr(handler, "file", None):
                begun.close()
        return UploadedFile(None, self.file_name, size=file_size)

    def _is_beyond(self, size: int) -> bool:
        return self.files > AT_ONCE or size > self.most()


class ImportLimit(Limit):
    """Of a file whose rows are to be imported."""

    def most(self) -> int:
        return int(settings.IMPORT_MOST_MB) * MEGABYTE
