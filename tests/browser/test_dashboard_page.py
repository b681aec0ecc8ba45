"""The dashboard in a real browser: what a person sees, and that a page cannot change anything."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect, sync_playwright

from hpsearch.reporting.document import draw_pictures
from hpsearch.reporting.html_page import render_html
from hpsearch.reporting.report import build_report
from hpsearch.reporting.subject import Subject
from hpsearch.storage.database import Database
from tests.dashboards import RunningDashboard, make_finished_study, run_dashboard
from tests.report_studies import SEARCH

pytestmark = pytest.mark.slow

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
)
_REQUIRED = "HPSEARCH_REQUIRE_BROWSER"
_SECRET = "a-secret-of-many-signs"
_WAIT_MILLISECONDS = 60_000


@dataclass
class Room:
    """A dashboard with a study, and a page that notes what goes wrong in it."""

    dashboard: RunningDashboard
    page: Page
    database: Database
    errors: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to a page of the dashboard."""
        self.page.goto(self.dashboard.url + path, wait_until="networkidle")

    def see(self, text: str) -> None:
        """Wait until a text stands on the page."""
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=_WAIT_MILLISECONDS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        reason = "no Chromium here: apt-get install chromium (Debian), or any of " + ", ".join(_PROGRAMS)
        if os.environ.get(_REQUIRED):
            pytest.fail(f"{reason}; {_REQUIRED} is set")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def shared_room(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Nothing on this page can change the study, so all look at one."""
    url = f"sqlite:///{tmp_path_factory.mktemp('room')}/studies.db"
    with Database.open(url, create=True) as database:
        make_finished_study(database)
        with run_dashboard(url) as dashboard, browser.new_context(viewport={"width": 1400, "height": 1500}) as context:
            room = Room(dashboard, context.new_page(), database)
            watch(room)
            yield room


@pytest.fixture
def room(shared_room: Room) -> Room:
    """With an empty page, on which nothing has gone wrong yet."""
    shared_room.page.goto("about:blank")
    shared_room.errors.clear()
    return shared_room


def watch(room: Room) -> None:
    """Note errors of the page's scripts, and of what it loads."""

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            room.errors.append(message.text)

    room.page.on("console", note)
    room.page.on("pageerror", lambda error: room.errors.append(str(error)))


def test_a_person_sees_best_value_curve_figures_and_note(room: Room, tmp_path: Path) -> None:
    room.open("/")
    room.see("tiny-fcn")
    room.page.get_by_text("tiny-fcn").first.click()
    room.see("Best Trial")
    room.see("0.6562")
    room.see("validation accuracy")
    # The curves of all trials are drawn, and have the figures of the best one's last epoch.
    curves = room.page.locator("#plot-intermediate-values, [id*=intermediate]").first
    expect(curves.locator("svg.main-svg").first).to_be_visible(timeout=_WAIT_MILLISECONDS)
    assert room.page.evaluate(_COUNT_CURVES) == 5
    _keep_picture(room.page, "study")

    room.page.goto(f"{room.dashboard.url}/dashboard/studies/1/note", wait_until="networkidle")
    room.see("at most 2,000 weights")
    room.see("hpsearch export tiny-fcn")
    _keep_picture(room.page, "note")

    room.open("/dashboard/studies/1/trials?numbers=3")
    room.see("confusion-validation.png")
    image = room.page.locator("img[src^='/artifacts/']").first
    expect(image).to_be_visible(timeout=_WAIT_MILLISECONDS)
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    _keep_picture(room.page, "trial")

    room.open("/dashboard/studies/1/smartSelection")
    room.see("UserAttribute validation_loss")
    headings = room.page.locator("th").all_inner_texts()
    for name in ("weights", "macs", "seconds", "epochs", "train_loss", "validation_loss"):
        assert f"UserAttribute {name}\nsorted ascending" in headings  # a button that sorts
    _keep_picture(room.page, "table")
    assert room.errors == []


_COUNT_CURVES = """
() => Math.max(...[...document.querySelectorAll(".js-plotly-plot")]
    .filter(plot => plot.data && plot.layout.xaxis.title.text === "Step")
    .map(plot => plot.data.length))
"""


_VISIBLE_ICONS = """
() => [...document.querySelectorAll("button svg[data-testid]")].filter(icon => icon.getClientRects().length)
    .map(icon => icon.dataset.testid)
"""
_FIT_FIGURES = """
() => [...document.querySelectorAll(".key-figures .figure")].map(figure => {
    figure.textContent = "12,345,678";
    const range = document.createRange();
    range.selectNodeContents(figure);
    return range.getClientRects().length === 1 && figure.scrollWidth <= figure.clientWidth;
})
"""
"""Whether a number of eight digits would stand on one line in each of a report's boxes."""
_REFUSED = ("AddBoxIcon", "DeleteIcon", "DriveFileRenameOutlineIcon", "EditIcon", "StopCircleIcon", "UploadFileIcon")


@pytest.mark.parametrize(
    ("width", "scheme"), [pytest.param(1280, "light", marks=pytest.mark.exhaustive), (390, "dark")]
)
def test_no_control_is_shown_that_would_be_refused_and_a_banner_says_why(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, scheme: Literal["light", "dark"]
) -> None:
    monkeypatch.chdir(tmp_path)
    reports = tmp_path / "reports"
    reports.mkdir()
    report = build_report([Subject(SEARCH)])
    (reports / "tiny-fcn.html").write_bytes(render_html(report, draw_pictures(report, lambda _text: None)))
    (reports / "somebody-else.html").write_text("<html><body>private</body></html>")
    url = f"sqlite:///{tmp_path}/studies.db"
    with Database.open(url, create=True) as database:
        make_finished_study(database)
        viewport: ViewportSize = {"width": width, "height": 900}
        with (
            run_dashboard(url, "--reports", str(reports)) as dashboard,
            browser.new_context(viewport=viewport, color_scheme=scheme) as context,
        ):
            room = Room(dashboard, context.new_page(), database)
            watch(room)
            for path in ("/", "/dashboard/studies/1", "/dashboard/studies/1/note", "/dashboard/studies/1/trials"):
                room.open(path)
                room.see("read-only")
                shown = room.page.evaluate(_VISIBLE_ICONS)
                assert not set(_REFUSED) & set(shown), (path, shown)
                _keep_picture(room.page, f"read-only-{width}")
            assert room.page.locator("#hpsearch-banner a").all_inner_texts() == ["tiny-fcn"]
            room.page.locator("#hpsearch-banner a").click()
            room.see("What mattered")
            assert set(room.page.evaluate(_FIT_FIGURES)) == {True}
            assert room.errors == []


def test_a_page_of_another_site_reads_nothing(room: Room) -> None:
    """The same server under another name is another site: it is not even answered there."""
    port = room.dashboard.port
    room.page.goto(f"http://127.0.0.1:{port}/dashboard")
    for target in (f"http://localhost:{port}/api/studies", f"http://localhost:{port}/artifacts/1/4/abc"):
        read = room.page.evaluate(
            "target => fetch(target).then(answer => answer.text(), error => 'kept away: ' + error)", target
        )
        assert read.startswith("kept away")


def test_a_token_in_the_address_opens_the_dashboard_for_this_browser(browser: Browser, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    token = tmp_path / "token"
    token.write_text(_SECRET)
    token.chmod(0o600)
    with Database.open(url, create=True) as database:
        make_finished_study(database)
    with run_dashboard(url, "--token-file", str(token)) as dashboard, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{dashboard.url}/dashboard")
        expect(page.get_by_text("wants its token")).to_be_visible()
        page.goto(f"{dashboard.url}/?token={_SECRET}", wait_until="networkidle")
        expect(page.get_by_text("tiny-fcn").first).to_be_visible(timeout=_WAIT_MILLISECONDS)
        assert _SECRET not in page.url
        assert page.evaluate("document.cookie") == ""


def _keep_picture(page: Page, name: str) -> None:
    """For a person to look at, where HPSEARCH_TEST_PICTURES names a folder."""
    if folder := os.environ.get("HPSEARCH_TEST_PICTURES"):
        page.wait_for_timeout(500)
        page.screenshot(path=Path(folder) / f"dashboard-{name}.png")
