"""Files that hold images or labels in forms that are not read: what they are, and what to do with them."""

from pathlib import Path

from hpsearch.training.data.file_heads import ARRAYS, name_head, read_head
from hpsearch.training.data.image_reading import show_path

_TABLE = "write a table of paths and labels, path,label in each line"
_BY_ENDING = {
    **dict.fromkeys((".mat",), ("a MATLAB file", ARRAYS)),
    **dict.fromkeys((".h5", ".hdf5"), ("an HDF5 file", ARRAYS)),
    **dict.fromkeys((".pt", ".pth"), ("a PyTorch file", ARRAYS)),
    **dict.fromkeys((".pkl", ".pickle"), ("a pickle, which can run any program", ARRAYS)),
    **dict.fromkeys((".tfrecord", ".tfrecords"), ("a file of TensorFlow records", ARRAYS)),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), ("a spreadsheet", "save it as CSV")),
    **dict.fromkeys((".json", ".jsonl"), ("a JSON file", _TABLE)),
    **dict.fromkeys((".xml",), ("an XML file", _TABLE)),
    **dict.fromkeys((".arrow", ".feather"), ("an Arrow file", "write it as Parquet")),
    **dict.fromkeys((".mp4", ".avi", ".mov", ".mkv"), ("a film", "save its frames as images")),
}


def name_form(path: Path) -> str | None:
    """What a file is and what to do with it, in a line; None where its form is none of these. Raises OSError."""
    found = name_head(read_head(path)) or _BY_ENDING.get(path.suffix.lower())
    return None if found is None else f"{show_path(path)} is {found[0]}, and that is not read: {found[1]}"
