"""The history checker finds each kind of broken promise when it is put into a history that was well."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.history import Event, FinalTrial, History, find_violations
from tests.journal import ACKNOWLEDGED, CLAIM, END, REFUSED, REPORT, UNKNOWN, Operation

EPOCHS = 2


def operation(what: str, worker: str, at: float, **fields: Any) -> Operation:
    given: dict[str, Any] = {"token": f"token of {worker}", "trial_id": 1, "outcome": ACKNOWLEDGED}
    return Operation(what=what, worker=worker, intended_at=at, answered_at=at + 0.5, **given | fields)


def first_attempt() -> list[Operation]:
    """A worker that reports one epoch and loses its trial."""
    return [operation(CLAIM, "a", 0), operation(REPORT, "a", 1, epoch=0, value=0.1)]


def second_attempt() -> list[Operation]:
    """The one that takes it over, from the checkpoint of the first."""
    reports = [operation(REPORT, "b", 11, epoch=1, value=0.2)]
    return [operation(CLAIM, "b", 10), *reports, operation(END, "b", 12, state="COMPLETE")]


def well() -> History:
    happened = [("claimed", "a"), ("reaped", "a"), ("claimed", "b"), ("complete", "b")]
    steps = {0: 0.1, 1: 0.2}
    trial = FinalTrial(
        trial_id=1,
        number=0,
        state="COMPLETE",
        epochs=EPOCHS,
        value=0.2,
        steps=steps,
        curve=steps,
        token=None,
        accepted_token="token of b",
        attempts=2,
        events=[Event(kind, worker, at) for at, (kind, worker) in enumerate(happened)],
    )
    return History(1, [trial], first_attempt() + second_attempt())


def change(history: History, **fields: Any) -> History:
    return replace(history, trials=[replace(history.trials[0], **fields)])


def add(history: History, *operations: Operation) -> History:
    return replace(history, operations=[*history.operations, *operations])


def events(*kinds: str) -> Sequence[Event]:
    return [Event(kind, None, at) for at, kind in enumerate(kinds)]


def test_a_history_without_fault_has_no_violations() -> None:
    assert find_violations(well()) == []


def test_writes_that_were_refused_or_never_answered_are_no_violations() -> None:
    late = operation(REPORT, "a", 20, epoch=1, value=0.9, outcome=REFUSED)
    lost = operation(REPORT, "a", 21, epoch=1, value=0.9, outcome=UNKNOWN)
    again = operation(END, "b", 13, state="COMPLETE")
    assert find_violations(add(well(), late, lost, again)) == []


BROKEN: dict[str, tuple[str, Callable[[History], History]]] = {
    "a slot is missing": ("slots", lambda h: replace(h, slots=2)),
    "there is a slot too many": ("slots", lambda h: replace(h, slots=0)),
    "a trial is left running": ("open", lambda h: change(h, state="RUNNING")),
    "a trial is left waiting": ("open", lambda h: change(h, state="WAITING")),
    "a finished trial is held": ("open", lambda h: change(h, token="token of c")),
    "two hold a trial at once": ("owner", lambda h: change(h, events=events("claimed", "claimed", "complete"))),
    "a trial ends unclaimed": ("owner", lambda h: change(h, attempts=0, events=events("complete"))),
    "a claim was not counted": ("owner", lambda h: change(h, attempts=1)),
    "one token stands for two workers": (
        "owner",
        lambda h: add(h, operation(CLAIM, "c", 5, token="token of b")),
    ),
    "a worker was given what does not exist": ("owner", lambda h: add(h, operation(CLAIM, "c", 5, trial_id=9))),
    "it was given out more often than counted": ("owner", lambda h: add(h, operation(CLAIM, "c", 5))),
    "a trial ended twice": (
        "result",
        lambda h: change(h, events=events("claimed", "complete", "claimed", "complete")),
    ),
    "two were told that theirs counts": ("result", lambda h: add(h, operation(END, "a", 2, state="COMPLETE"))),
    "one was told another state": ("result", lambda h: change(h, state="PRUNED")),
    "nobody has sent the result": ("result", lambda h: replace(h, operations=h.operations[:-1])),
    "an acknowledged report is gone": ("report", lambda h: change(h, steps={0: 0.1}, curve={0: 0.1})),
    "an acknowledged report has another value": ("report", lambda h: change(h, steps={0: 0.1, 1: 0.3})),
    "a value comes from nobody": ("report", lambda h: change(h, steps={0: 0.7, 1: 0.2})),
    "an epoch is missing": ("steps", lambda h: change(h, steps={1: 0.2}, curve={1: 0.2})),
    "it is complete too early": ("steps", lambda h: change(h, epochs=3)),
    "the curve is another one": ("steps", lambda h: change(h, curve={0: 0.1, 1: 0.1})),
    "the value is another one": ("steps", lambda h: change(h, value=0.1)),
    "a holder leaves out an epoch": (
        "steps",
        lambda h: add(h, operation(REPORT, "a", 2, epoch=2, value=0.3, outcome=UNKNOWN)),
    ),
    "a report is accepted after the lease is lost": (
        "fence",
        lambda h: add(h, operation(REPORT, "a", 20, epoch=1, value=0.2)),
    ),
    "an end is accepted after the lease is lost": (
        "fence",
        lambda h: add(h, operation(END, "a", 20, state="WAITING")),
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_each_broken_promise_is_found(fault: str) -> None:
    kind, break_it = BROKEN[fault]
    found = find_violations(break_it(well()))
    assert any(line.startswith(f"{kind}: ") for line in found), found
