from pathlib import Path

import pytest

from hpsearch.errors import InputError
from hpsearch.study.file import parse_study_spec, read_study_file
from hpsearch.study.search_space import FloatRange


def _write(folder: Path, text: str | bytes) -> Path:
    path = folder / "study.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_study_file_gives_a_named_study(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        'name = "quick"\nbudget = "10k"\narch = "fcn"\ntrials = 5\n\n[space]\n'
        'lr = {low = 1e-4, high = 1e-1, log = true}\noptimizer = ["adam", "sgd"]\n',
    )
    name, spec = parse_study_spec(read_study_file(path))
    assert (name, spec.budget, spec.trials) == ("quick", 10_000, 5)
    assert spec.space.distributions["lr"] == FloatRange(low=1e-4, high=1e-1, log=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('budget = "10k"\narch = = "fcn"\n', "is not valid TOML: Invalid value (at line 2, column 8)"),
        ("trials = 1\ntrials = 2", "is not valid TOML: Cannot overwrite a value (at line 2, the end of the file)"),
        ('arch = "fcn"\nspace = {\n', "(at line 2, "),
        ('arch = "fcn"\n\ntrails = 5\n', ", line 3: unknown key 'trails'; did you mean 'trials'? allowed: name, "),
        ("[spaces]\nlr = 1\n", ", line 1: unknown key 'spaces'; did you mean 'space'? allowed: name, "),
        ("lr = 0.1\n", ", line 1: 'lr' is searched: write lr = ... below a line [space], a value, a list or a range"),
        ("seed = 1\nlayers = 3\n", ", line 2: 'layers' is searched: write depth = ... below a line [space]"),
        (b"arch = \xff", "is not UTF-8 text: byte 7 cannot be read"),
        ("seed = " + "9" * 5_000, "has a number of thousands of digits"),
        ("x = " + "[" * 20_000, "nests its lists too deep"),
        ("#" * 1_000_001, "has over 1,000,000 bytes, so it is no study file"),
    ],
)
def test_a_wrong_file_is_answered_in_a_line_with_its_place(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_study_file(path)
    assert str(caught.value).startswith(f"study file {str(path)!r}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_answered_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file or directory"):
        read_study_file(tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_study_file(tmp_path)
    with pytest.raises(InputError, match="cannot be read: embedded null byte"):
        read_study_file(tmp_path / "a\0b")


def test_a_word_in_the_place_of_a_file_is_told_where_it_belongs() -> None:
    with pytest.raises(InputError, match=r"there is no study file '100k'; .*: --budget 100k --arch cnn$"):
        read_study_file(Path("100k"))


def test_a_parameter_by_the_name_that_other_tools_have_is_guessed() -> None:
    with pytest.raises(InputError, match=r"space\.learning_rate is no parameter; did you mean 'lr'\?"):
        parse_study_spec({"arch": "fcn", "budget": "10k", "space": {"learning_rate": 0.1}})


def test_a_hexadecimal_number_of_thousands_of_digits_is_refused(tmp_path: Path) -> None:
    fields = read_study_file(_write(tmp_path, f'budget = "10k"\narch = "fcn"\nseed = 0x{"f" * 6_000}\n'))
    with pytest.raises(InputError, match=r"^seed a number of thousands of digits is not allowed"):
        parse_study_spec(fields)
