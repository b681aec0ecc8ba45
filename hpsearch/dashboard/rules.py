"""Who may ask the dashboard for what: one decision for each request, made before anything else sees it."""

import re
from dataclasses import dataclass, field

from hpsearch.dashboard.requests import Request
from hpsearch.dashboard.tokens import Token

SAFE_METHODS = ("GET", "HEAD")

# Nothing that the dashboard serves needs more than these, so nothing has to be decoded or put in order.
_PATH = re.compile(r"/(?:[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*/?)?")


@dataclass(frozen=True)
class Rules:
    """What is allowed."""

    hosts: frozenset[str]
    """The Host headers that are served, in small letters: a foreign page may have pointed a foreign name here."""
    token: Token | None = field(default=None, repr=False)
    """What everybody must show; None where whoever reaches the address may read."""


@dataclass(frozen=True)
class Refusal:
    """Why a request is not served."""

    status: str
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


def find_refusal(request: Request, rules: Rules) -> Refusal | None:
    """Why a request is refused; None for one that is served."""
    if not _is_plain(request):
        return Refusal("400 Bad Request", "the address is not written as this dashboard writes it")
    if request.overrides_method:
        return Refusal("400 Bad Request", "a header that changes the method is not allowed")
    if request.host not in rules.hosts:
        return Refusal(
            "403 Forbidden",
            f"this dashboard does not answer to the host {request.host[:100]!r}: open it under the address that "
            "hpsearch dashboard printed, or start it with --allowed-host and this name",
        )
    if rules.token is not None and not _shows_token(request, rules.token):
        return Refusal(
            "401 Unauthorized",
            f"this dashboard wants its token: open http://{request.host}/?token=TOKEN once (reload this page if you "
            "came by such a link), or send Authorization: Bearer TOKEN",
            (("WWW-Authenticate", 'Bearer realm="hpsearch"'),),
        )
    if request.method in SAFE_METHODS:
        return None
    return Refusal(
        "405 Method Not Allowed",
        f"this dashboard only shows: {request.method} is refused. hpsearch delete, requeue, enqueue and stop change a "
        "study",
        (("Allow", ", ".join(SAFE_METHODS)),),
    )


def _is_plain(request: Request) -> bool:
    """Whether the target is a path, with nothing encoded, doubled or dotted in it."""
    path = request.target.partition("?")[0]
    if path != request.path or _PATH.fullmatch(path) is None:
        return False
    return not {".", ".."} & set(path.split("/"))


def _shows_token(request: Request, token: Token) -> bool:
    scheme, _, given = request.authorization.partition(" ")
    if scheme.lower() == "bearer" and token.is_same(given.strip()):
        return True
    return any(token.is_cookie(value) for value in request.find_cookies(token.cookie_name))
