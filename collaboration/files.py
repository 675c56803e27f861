"""Which files may be attached, and what they are called. A browser's word for the kind of a file counts for nothing: its
ending decides, by which whoever opens it decides too."""

import unicodedata
from uuid import uuid4

from collaboration.models import LONGEST_NAME

TEXT, OFFICE, OPEN = "text/", "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."
KINDS = {  # nothing that a browser or a system would run
    "pdf": "application/pdf",
    "doc": "application/msword",
    "docx": f"{OFFICE}wordprocessingml.document",
    "odt": f"{OPEN}text",
    "rtf": "application/rtf",
    "xls": "application/vnd.ms-excel",
    "xlsx": f"{OFFICE}spreadsheetml.sheet",
    "ods": f"{OPEN}spreadsheet",
    "csv": f"{TEXT}csv",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": f"{OFFICE}presentationml.presentation",
    "odp": f"{OPEN}presentation",
    "txt": f"{TEXT}plain",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "zip": "application/zip",
    "eml": "message/rfc822",
    "msg": "application/vnd.ms-outlook",
}
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control characters, marks that turn the direction of writing …


def cleaned(name: str) -> str:
    """The last part of a path, in one line, without what cannot be seen; a long one keeps its ending."""
    last = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    seen = " ".join("".join(sign for sign in last if unicodedata.category(sign) not in UNSEEN).split())
    stem, dot, ending = seen.rpartition(".")
    return seen[:LONGEST_NAME] if len(ending) > 10 else stem[: LONGEST_NAME - len(dot + ending)] + dot + ending


def kind_of(name: str) -> str:
    """The content type; blank where such a file is not taken."""
    stem, _dot, ending = name.rpartition(".")
    return KINDS.get(ending.lower(), "") if stem.strip(". ") else ""


def stored_name() -> str:
    """Says nothing of the file, and cannot be guessed. Two signs choose a folder, so that none grows endless."""
    name = uuid4().hex
    return f"{name[:2]}/{name}"
