"""Commands whose help reads well: paragraphs that flow, and no type behind a switch that takes no value."""

import inspect
from collections.abc import Callable
from typing import Any

from typer.core import TyperCommand, TyperGroup


def flow(function: Callable[..., Any]) -> str:
    """A docstring with one line a paragraph: the terminal breaks it where it ends, not where the source did."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


class HelpedCommand(TyperCommand):
    """A command."""

    def get_params(self, ctx: Any) -> Any:
        """Its parameters, of which those that take no value show no type."""
        return _hide_types(super().get_params(ctx))


class HelpedGroup(TyperGroup):
    """A group of commands."""

    def get_params(self, ctx: Any) -> Any:
        """The same for its own."""
        return _hide_types(super().get_params(ctx))


def _hide_types(parameters: Any) -> Any:
    for parameter in parameters:
        takes_no_value = getattr(parameter, "is_flag", False)
        is_named = getattr(parameter, "param_type_name", "") == "argument"
        if takes_no_value or is_named:
            # Typer asks this of each; of a version that does not, nothing changes.
            parameter.display_type_rich = _show_nothing
    return parameters


def _show_nothing(ctx: Any = None) -> None:
    return None
