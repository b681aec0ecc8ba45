"""Files that hold images or labels in forms that are not read: what they are, and what to do with them."""

from pathlib import Path

from hpsearch.training.data.file_heads import HEAD_BYTES, name_head
from hpsearch.training.data.image_reading import show_path

_ARRAYS = "save its images and labels by numpy.savez('data.npz', x_train=images, y_train=labels)"
_TABLE = "write a table of paths and labels, path,label in each line"
_BY_ENDING = {
    **dict.fromkeys((".mat",), ("a MATLAB file", _ARRAYS)),
    **dict.fromkeys((".h5", ".hdf5"), ("an HDF5 file", _ARRAYS)),
    **dict.fromkeys((".pt", ".pth"), ("a PyTorch file", _ARRAYS)),
    **dict.fromkeys((".pkl", ".pickle"), ("a pickle, which can run any program", _ARRAYS)),
    **dict.fromkeys((".tfrecord", ".tfrecords"), ("a file of TensorFlow records", _ARRAYS)),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), ("a spreadsheet", "save it as CSV")),
    **dict.fromkeys((".json", ".jsonl"), ("a JSON file", _TABLE)),
    **dict.fromkeys((".xml",), ("an XML file", _TABLE)),
    **dict.fromkeys((".arrow", ".feather"), ("an Arrow file", "write it as Parquet")),
    **dict.fromkeys((".mp4", ".avi", ".mov", ".mkv"), ("a film", "save its frames as images")),
}


def name_form(path: Path) -> str | None:
    """What a file is and what to do with it, in a line; None where its form is none of these. Raises OSError."""
    with path.open("rb") as file:
        found = name_head(file.read(HEAD_BYTES))
    found = found or _BY_ENDING.get(path.suffix.lower())
    return None if found is None else f"{show_path(path)} is {found[0]}, and that is not read: {found[1]}"
