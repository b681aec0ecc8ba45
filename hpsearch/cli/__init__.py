"""The command line: argv to call to screen. Nothing else prints, exits, or reads argv and the environment."""

from hpsearch.cli.app import main

__all__ = ["main"]
