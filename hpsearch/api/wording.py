"""What a message says to who types commands, in the words of who writes Python.

The sentences are the same for both; only flags become the names of arguments, and commands the calls that do the same.
"""

import functools
import re
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from hpsearch.api.kernel_warnings import forget_progress_bars
from hpsearch.api.plain_numbers import make_plain
from hpsearch.errors import HpsearchError

P = ParamSpec("P")
R = TypeVar("R")

_NAMES = {"study": "name", "from": "start", "out": "folder", "format": "format"}
"""Of the flags that are called otherwise here; the others have the same names."""
_CALLS = (
    (re.compile(r"hpsearch resume \S+ --trials \+(\d+)"), r"study.resume(added=\1)"),
    (re.compile(r"hpsearch resume [\w.-]+"), "study.resume()"),
    (re.compile(r"hpsearch stop [\w.-]+ --now"), "study.stop(now=True)"),
    (re.compile(r"hpsearch list has"), "hpsearch.list_studies() has"),
    (re.compile(r"hpsearch run makes"), "hpsearch.search() makes"),
    (re.compile(r"hpsearch worker [\w.-]+ goes on"), "study.work() goes on"),
    (re.compile(r"hpsearch show [\w.-]+ (lists|says)"), r"study.trials \1"),
    (re.compile(r"hpsearch export [\w.-]+ --trial N takes"), "study.trials[N].export() takes"),
    (re.compile(r"hpsearch export makes"), "study.export() makes"),
)
_VALUED = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*) (\+?\d[\w.]*|[A-Z]+\b)")
_PAIRED = re.compile(r"add --([a-z][a-z0-9-]*) (\w+), or \w+ = \.\.\. to a study file")
_KEPT = re.compile(r"(?:(?<!\S)/[^,:;]*|\S*)\b(arrays-[0-9a-f]{12}\.npz)")
"""The file that arrays were written into, of which who gave them knows nothing."""
_FLAG = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")


def say_in_python(sentence: str) -> str:
    """The sentence with arguments for flags, and calls for commands."""
    for command, call in _CALLS:
        sentence = command.sub(call, sentence)
    if len(set(_KEPT.findall(sentence))) == 1:
        sentence = _KEPT.sub("the data in memory", sentence).replace(": save ", ": give ")
    sentence = _PAIRED.sub(lambda match: f'give {_name(match[1])}="{match[2]}"', sentence)
    sentence = _VALUED.sub(lambda match: f"{_name(match[1])}={_value(match[2].lstrip('+'))}", sentence)
    return _FLAG.sub(lambda match: _name(match[1]), sentence)


def _value(text: str) -> str:
    """A number and a placeholder as they are; what is neither (15m, 100k) is text."""
    return text if text.isupper() or not re.search(r"[A-Za-z]", text) else f'"{text}"'


def _name(flag: str) -> str:
    return _NAMES.get(flag, flag.replace("-", "_"))


def speaks_python(function: Callable[P, R]) -> Callable[P, R]:
    """Let a public function take any library's numbers, and its errors name arguments.

    They stay the same errors otherwise.
    """

    @functools.wraps(function)
    def speak(*args: P.args, **keywords: P.kwargs) -> R:
        forget_progress_bars()
        try:
            plain = {name: make_plain(value) for name, value in keywords.items()}
            return function(*map(make_plain, args), **plain)
        except HpsearchError as error:
            error.args = tuple(say_in_python(each) if isinstance(each, str) else each for each in error.args)
            raise

    return speak
