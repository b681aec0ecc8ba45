"""Files that hold images or labels in forms that are not read: what they are, and what to do with them."""

from pathlib import Path

from hpsearch.training.data.file_heads import ARRAYS, name_head, read_head
from hpsearch.training.data.image_reading import ENDINGS, show_path
from hpsearch.training.data.system_files import is_system_name

_STACK = "put all of them into one, numpy.savez('data.npz', x_train=numpy.stack(images), y_train=labels)"
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


def explain_no_images(folder: Path) -> str | None:
    """What is in a folder in place of images, in a line; None where it has some, or folders alone. Raises OSError."""
    children = [child for child in sorted(folder.iterdir()) if not is_system_name(child.name)]
    if not children:
        return "it is empty; take it away, or put the images of this class into it"
    files = [child for child in children if child.is_file()]
    if not files or any(file.suffix.lower() in ENDINGS for file in files):
        return None
    if files[0].suffix.lower() in (".npy", ".npz"):
        return f"{show_path(files[0])} is an array, and of images one a file that is not read: {_STACK}"
    kind = f"ends in {files[0].suffix}" if files[0].suffix else "has no ending"
    return name_form(files[0]) or f"{show_path(files[0])} {kind}, which no image that is read does"


def name_form(path: Path) -> str | None:
    """What a file is and what to do with it, in a line; None where its form is none of these. Raises OSError."""
    found = name_head(read_head(path)) or _BY_ENDING.get(path.suffix.lower())
    return None if found is None else f"{show_path(path)} is {found[0]}, and that is not read: {found[1]}"
