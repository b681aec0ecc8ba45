"""What a file that is not read is, by its first bytes, and what to do with it."""

from pathlib import Path

HEAD_BYTES = 512
"""As many as are looked at."""

ARRAYS = "save its images and labels by numpy.savez('data.npz', x_train=images, y_train=labels)"
_AS_PNG = "save it as PNG or JPEG"
_BY_START = (
    (b"version https://git-lfs.", "a pointer of Git LFS and not the file itself", "git lfs pull brings that"),
    (b"MATLAB", "a MATLAB file", ARRAYS),
    (b"\x89HDF", "an HDF5 file", ARRAYS),
    (b"ARROW1", "an Arrow file", "write it as Parquet"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet", "save it as CSV"),
    (b"%PDF", "a PDF", _AS_PNG),
    (b"8BPS", "a Photoshop file", _AS_PNG),
    (b"\0\0\x01\0", "an icon", _AS_PNG),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image", _AS_PNG),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image", _AS_PNG),
    (b"\xff\x0a", "a JPEG XL image", _AS_PNG),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image", _AS_PNG),
    *((bytes([0x80, version]), "a pickle, which can run any program", ARRAYS) for version in range(2, 6)),
)
"""First bytes, what such a file is, what to do."""
_BY_BRAND = {
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"mif1", b"msf1"), "a HEIC photo"),
    **dict.fromkeys((b"avif", b"avis"), "an AVIF image"),
}
"""Images in the container of MPEG-4, by the four bytes behind `ftyp`."""
_WEB = (b"<!doctype", b"<html")


def read_head(path: Path) -> bytes:
    """The first bytes of a file. Raises OSError."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def name_head(head: bytes) -> tuple[str, str] | None:
    """What a file with these first bytes is, with its article, and what to do; None where it is none of these."""
    if found := next(((what, mend) for start, what, mend in _BY_START if head.startswith(start)), None):
        return found
    if head[4:8] == b"ftyp":
        what = _BY_BRAND.get(head[8:12])
        return None if what is None else (what, _AS_PNG)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_WEB):
        return "a web page and not the file itself", "download it once more, and look at what comes"
    return ("an SVG drawing", _AS_PNG) if text.startswith(b"<") and b"<svg" in text else None
