"""The page in a real browser: nothing is loaded or run, nothing overflows, and everything can be read."""

import functools
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from cli.process import Command
from cli.tables import read_table, write_table
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Page as Tab
from report.reviews import HOSTILE, hostile_reviews, some_reviews, write_earlier_receipt

CHROMIUM = shutil.which("chromium")
PHONE = 360

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with sync_playwright() as playwright:
        # Its sandbox does not start as root; it only opens pages that these tests wrote.
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> dict[str, Path]:
    """Reports with every section, beside their scored files: `s` of ordinary reviews, `h` of hostile ones."""
    command = Command(tmp_path_factory.mktemp("pages"))
    found = {}
    for name, rows, by in (("s", some_reviews(400), "day"), ("h", hostile_reviews(), "<i>shop\u202e")):
        write_table(command.folder / "reviews.jsonl", rows)
        score = ("score", "reviews.jsonl", "-o", f"{name}.jsonl", "--model", tiny_bundle, "--max-tokens", "20")
        report = ("report", f"{name}.jsonl", "-o", f"{name}.html", "--by", by, "--top", "20")
        assert command(*score).code == 0
        write_earlier_receipt(command.folder / "old.receipt.json", command.folder / f"{name}.jsonl.receipt.json")
        done = command(*report, "--compare-to", "old.receipt.json")
        assert done.code == 0, done.stderr
        found[name] = command.folder / f"{name}.html"
    return found


@pytest.fixture
def open_tab(browser: Browser) -> Iterator[Callable[..., Tab]]:
    """Open a file in a tab; the test fails if the page requests anything or logs any message."""
    said: list[str] = []
    contexts = []

    def open_file(path: Path, width: int = 1200, scheme: str = "light", **options: bool) -> Tab:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("dialog", lambda dialog: said.append(dialog.message))
        tab.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
        tab.goto(path.as_uri())
        return tab

    yield open_file
    for context in contexts:
        context.close()
    assert said == []


def test_figures_as_they_are_shown(pages: dict[str, Path], open_tab: Callable[..., Tab]) -> None:
    """The browser shows the figures of the file."""
    rows = read_table(pages["s"].with_suffix(".jsonl"))
    scored = [row for row in rows if row["sentiment"]]
    tab = open_tab(pages["s"])
    assert tab.locator("#rows").inner_text() == f"{len(rows):,}"
    assert tab.locator("#scored").inner_text() == f"{len(scored):,}"
    mean = sum(row["polarity"] for row in scored) / len(scored)
    assert tab.locator("#mean-polarity").inner_text() == f"{mean:z.2f}".replace("-", "−")
    for row in tab.locator("section[aria-labelledby=labels] tbody").first.locator("tr").all():
        label, count, share = row.locator("th, td").all_inner_texts()[:3]
        expected = sum(row["sentiment"] == label for row in scored)
        assert (count, share) == (f"{expected:,}", f"{expected / len(scored):.1%}")
        # The bar is as long as the share.
        bar, whole = row.locator("rect").bounding_box(), row.locator("svg").bounding_box()
        assert bar is not None
        assert whole is not None
        assert bar["width"] / whole["width"] == pytest.approx(expected / len(scored), abs=0.01)
    highest = [rect.bounding_box() for rect in tab.locator("svg.histogram").first.locator("rect").all()]
    bins = [round((row["polarity"] + 1) * 10 - 0.5) for row in scored]
    heights = [box["height"] if box else 0 for box in highest]
    assert heights.index(max(heights)) == max(set(bins), key=bins.count)


def test_hostile_text_is_read_and_nothing_else(pages: dict[str, Path], open_tab: Callable[..., Tab]) -> None:
    """No script of a review runs, no style of one applies, and its words can be read."""
    tab = open_tab(pages["h"])
    assert tab.title() == "Sentiment of h.jsonl"
    texts = tab.locator("ol[aria-labelledby=most-positive] .review").all_inner_texts()
    assert len(texts) == len(HOSTILE)
    assert HOSTILE[0] in texts
    assert HOSTILE[2] in texts
    assert tab.locator("script, iframe, img, link, h1 b, i, svg[onload]").count() == 0
    assert tab.locator("body").evaluate("element => getComputedStyle(element).display") == "block"


@pytest.mark.parametrize("name", ["s", "h"])
def test_a_phone_has_nothing_to_scroll_sideways(
    pages: dict[str, Path], open_tab: Callable[..., Tab], name: str
) -> None:
    """At 360 pixels, with every table opened, nothing is wider than the page."""
    tab = open_tab(pages[name], PHONE)
    tab.evaluate("document.querySelectorAll('details').forEach(element => element.open = true)")
    assert tab.evaluate("document.documentElement.scrollWidth") == PHONE
    wide = "Array.from(document.querySelectorAll('body *')).filter(e => e.getBoundingClientRect().right > innerWidth)"
    assert tab.evaluate(f"{wide}.map(e => e.outerHTML)") == []


@pytest.mark.parametrize("width", [1200, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(pages: dict[str, Path], open_tab: Callable[..., Tab], scheme: str, width: int) -> None:
    """axe finds no fault with contrast, landmarks, headings, tables or picture names; the color scheme is followed."""
    # axe is a script, which the page itself would block.
    tab = open_tab(pages["s"], width, scheme, bypass_csp=True)
    tab.evaluate("document.querySelectorAll('details').forEach(element => element.open = true)")
    found = Axe().run(tab, options={"resultTypes": ["violations"]})
    assert [(item["id"], item["nodes"][0]["html"]) for item in found.response["violations"]] == []
    background = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, background.removeprefix("rgb(").removesuffix(")").split(","))) / 3
    assert (brightness < 64) == (scheme == "dark")


def test_by_keyboard(pages: dict[str, Path], open_tab: Callable[..., Tab]) -> None:
    """The first tab stop leads to the figures; every section and every table can be reached and opened."""
    tab = open_tab(pages["s"])
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the figures"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "figures"
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Polarity in figures"
    tab.keyboard.press("Enter")
    assert tab.locator("#polarity-figures table").is_visible()
    links = tab.locator("nav a")
    assert links.count() == 8
    for link in links.all():
        assert tab.locator(f"h2{link.get_attribute('href')}").count() == 1


def test_print(pages: dict[str, Path], open_tab: Callable[..., Tab]) -> None:
    """In print the page is dark on white even on a dark screen, without navigation, and the charts' tables are open."""
    tab = open_tab(pages["s"], 800, "dark")
    tab.emulate_media(media="print")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not tab.locator("nav").is_visible()
    assert tab.locator("#polarity-figures table").is_visible()
    assert tab.pdf().startswith(b"%PDF-")


def test_from_a_server(pages: dict[str, Path], browser: Browser) -> None:
    """Served over HTTP, the page requests nothing but itself."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, message: str, *arguments: object) -> None:
            asked.append(self.path)

    folder = pages["h"].parent
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tab = browser.new_page()
        complaints: list[str] = []
        tab.on("console", lambda message: complaints.append(message.text))
        tab.goto(f"http://127.0.0.1:{server.server_address[1]}/h.html", wait_until="networkidle")
        tab.close()
        server.shutdown()
    assert (asked, complaints) == (["/h.html"], [])
