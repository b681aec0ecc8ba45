"""Who may ask the dashboard for what: one decision for each request, made before anything else sees it."""

import re
from dataclasses import dataclass, field

from hpsearch.dashboard.requests import Request
from hpsearch.dashboard.tokens import Token

SAFE_METHODS = ("GET", "HEAD")

# Nothing that the dashboard serves needs more than these, so nothing has to be decoded or put in order.
_PATH = re.compile(r"/(?:[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*/?)?")
_NOTE = re.compile(r"/api/studies/[0-9]+(?:/[0-9]+)?/note")


@dataclass(frozen=True)
class Rules:
    """What is allowed."""

    hosts: frozenset[str]
    """The Host headers that are served, in small letters: a foreign page may have pointed a foreign name here."""
    allows_edits: bool = False
    """Whether notes may be edited; nothing else ever may."""
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
    return _find_refusal_to_edit(request, rules)


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


def _find_refusal_to_edit(request: Request, rules: Rules) -> Refusal | None:
    allowed = (("Allow", ", ".join(SAFE_METHODS)),)
    if not rules.allows_edits:
        reason = f"this dashboard only shows: {request.method} is refused. {_describe_commands()}"
        return Refusal("405 Method Not Allowed", reason, allowed)
    if request.method != "PUT" or _NOTE.fullmatch(request.path) is None:
        reason = f"only notes can be edited here: {request.method} is refused. {_describe_commands()}"
        return Refusal("405 Method Not Allowed", reason, allowed)
    if not _is_same_origin(request):
        return Refusal("403 Forbidden", "an edit must come from a page of this dashboard")
    if request.content_type.partition(";")[0].strip().lower() != "application/json":
        return Refusal("415 Unsupported Media Type", "an edit must be application/json")
    return None


def _describe_commands() -> str:
    return "hpsearch delete, requeue, enqueue and stop change a study"


def _is_same_origin(request: Request) -> bool:
    """Whether the browser says that a page of this host asks; who says nothing is refused as well."""
    if request.origin is None and request.fetch_site is None:
        return False
    origins = (None, f"http://{request.host}", f"https://{request.host}")
    return request.origin in origins and request.fetch_site in (None, "same-origin")
