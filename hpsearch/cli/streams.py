"""The three streams as a shell hands them over: closed, without characters, left by their reader."""

import os
import sys
from pathlib import Path


def prepare_streams() -> None:
    """Let every line be written somehow.

    A stream that was closed (`>&-`) goes nowhere, so that no file of ours gets its number; a terminal that lacks a
    character shows a question mark.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # the lowest first: what is opened takes the number that is free
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - to the end of the process
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")


def forget_output() -> None:
    """Python must not trip over what it still holds at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
