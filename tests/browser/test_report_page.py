"""The report page in a real browser: it draws, answers to pointing and searching, and complains of nothing.

Needs chromium, its driver and selenium (the extra `browser`); `.ci/run` installs them, elsewhere the tests are skipped.
"""

import io
import shutil

import pytest

from rnncc.compiler import Compilation
from rnncc.page import watch, write_page
from rnncc.timeline import record
from tests.benchmarks.models import recurrent_model

selenium = pytest.importorskip("selenium", reason="needs the extra 'browser'")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
]
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--window-size=1280,1000",
)  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    compilation = Compilation(recurrent_model("LSTM", 64, 10))
    stages = watch(compilation)
    explanation = compilation.explain()
    program = explanation.program
    report = program.run(None, values=False).report
    report.model = "lstm.onnx"
    stream = io.BytesIO()
    write_page(stream, report, record(program), stages, explanation)
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(stream.getvalue())
    return path


@pytest.fixture(scope="module")
def browser(page):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    assert CHROMIUM is not None
    options.binary_location = CHROMIUM
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.get(page.as_uri())
    yield driver
    driver.quit()


def drawn(browser, canvas: str) -> dict[str, int]:
    """How many pixels of a canvas have each of the page's colours (sampled)."""
    return browser.execute_script(
        """
        const canvas = document.getElementById(arguments[0]);
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data, found = {};
        for (const name of ["dma", "matrix", "vector", "control", "mark", "wait"]) {
          const probe = document.createElement("canvas").getContext("2d");
          probe.fillStyle = color(name); probe.fillRect(0, 0, 1, 1);
          const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
          found[name] = 0;
          for (let i = 0; i < data.length; i += 4) {
            if (data[i] === r && data[i + 1] === g && data[i + 2] === b) found[name] += 1;
          }
        }
        return found;""",
        canvas,
    )


def settle(browser):
    """Wait until what was asked for has been painted."""
    browser.execute_async_script(
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done));"
    )


def test_everything_is_drawn(browser):
    assert browser.execute_script("return document.documentElement.dataset.ready") == "yes"
    assert [e for e in browser.get_log("browser") if e["level"] == "SEVERE"] == []
    colours = drawn(browser, "lanes")
    assert min(colours[name] for name in ("dma", "matrix", "vector")) > 20, colours
    for section in ("bounds", "use", "stalls", "roof", "occupancy", "source-table", "stage-list"):
        assert browser.find_element("id", section).rect["height"] > 20, section
    assert len(browser.find_elements("css selector", "#roof circle")) >= 1
    wide = "return document.documentElement.scrollWidth <= innerWidth"
    assert browser.execute_script(wide), "the page scrolls sideways"


def test_nothing_is_asked_of_the_network(browser):
    sent = [
        e["message"] for e in browser.get_log("performance") if "requestWillBeSent" in e["message"]
    ]
    assert all('"url":"file:' in message or '"url":"data:' in message for message in sent)


def test_zoom_search_and_pointing(browser):
    from selenium.webdriver.common.action_chains import ActionChains

    find = browser.find_element("id", "find")
    find.send_keys("mm ")
    settle(browser)
    assert "instructions" in browser.find_element("id", "found").text
    assert drawn(browser, "lanes")["mark"] > 5
    find.clear()
    find.send_keys("x")
    find.send_keys("\b")
    settle(browser)
    before = browser.execute_script("return view.to - view.from")
    browser.find_element("id", "zoom-in").click()
    assert browser.execute_script("return view.to - view.from") < before
    browser.find_element("id", "zoom-all").click()
    settle(browser)
    place = browser.execute_script(
        """
        const canvas = document.getElementById("lanes"), row = DATA.engines.indexOf(1), list = perRow[row];
        const id = list[Math.floor(list.length / 2)];
        show(events.start[id] - 5, events.start[id] + 45);
        return [id, row, canvas.clientWidth, canvas.clientHeight];"""
    )
    settle(browser)
    event, row, width, height = place
    x = browser.execute_script(
        "return place(events.start[arguments[0]] + events.length[arguments[0]] / 2, arguments[1])",
        event,
        width,
    )
    canvas = browser.find_element("id", "lanes")
    # Offsets count from the middle of what is in view of it.
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    move = ActionChains(browser).move_to_element_with_offset(
        canvas, round(x - width / 2), round(22 + 34 * row + 16 - height / 2)
    )
    move.click().perform()
    settle(browser)
    text = browser.find_element("id", "event").text
    assert "mm" in text and "lstm0" in text and "cycles" in text
    assert browser.find_element("id", "tip").is_displayed()


def test_source_map_opens_and_lights_the_timeline(browser):
    row = browser.find_element("css selector", "tr.node")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", row)
    row.click()
    inner = browser.find_elements("css selector", "tr.inner:not([hidden])")
    assert inner and any("mm" in line.text for line in inner)
    settle(browser)
    assert drawn(browser, "lanes")["mark"] > 5  # the pointer is on the node
    box = browser.find_element("id", "source-find")
    box.send_keys("sigmoid")
    shown = browser.find_elements("css selector", "tr.inner:not([hidden])")
    assert shown and all("sigmoid" in line.text for line in shown)
    box.clear()
    box.send_keys("nothing of the kind")
    assert not browser.find_elements("css selector", "tr.node:not([hidden])")


def test_the_ir_of_a_pass_opens_with_its_differences(browser):
    name = "decompose-cells"
    table = browser.find_element("id", "effects").text
    assert "as it is written" in table and "hoist-input-projection" in table
    part = next(
        e
        for e in browser.find_elements("css selector", "#stage-list details")
        if e.text.startswith(name)
    )
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", part)
    part.find_element("tag name", "summary").click()
    settle(browser)
    assert any(
        "rnn.scan" in block.text for block in part.find_elements("css selector", ".ir pre.plus")
    )
    assert any(
        "rnn.lstm" in block.text for block in part.find_elements("css selector", ".ir pre.minus")
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable_in_both_themes(browser, theme):
    """WCAG contrast of every colour that text is written in, against the card behind it: 4.5 and more."""
    ratios = browser.execute_script(
        """
        document.documentElement.dataset.theme = arguments[0];
        const light = (name) => {
          const probe = document.createElement("canvas").getContext("2d");
          probe.fillStyle = color(name); probe.fillRect(0, 0, 1, 1);
          const [r, g, b] = [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => {
            v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
        const pairs = [["ink", "card"], ["soft", "card"], ["soft", "page"], ["ink", "plus"], ["ink", "minus"],
          ["card", "dma"], ["card", "matrix"], ["card", "vector"], ["vector", "card"], ["wait", "card"]];
        return Object.fromEntries(pairs.map(([a, b]) => [a + " on " + b, ratio(a, b)]));""",
        theme,
    )
    assert min(ratios.values()) >= 4.5, ratios


def cut_off(browser) -> list[str]:
    """Texts of the drawings that reach beyond their card."""
    return browser.execute_script(
        """
        return [...document.querySelectorAll("svg text")].filter((text) => {
          const own = text.getBoundingClientRect(), card = text.closest("section").getBoundingClientRect();
          return own.left < card.left || own.right > card.right + 0.5;
        }).map((text) => text.textContent);"""
    )


@pytest.mark.parametrize("width", [1280, 400])
def test_drawings_fit_windows_of_any_width(browser, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    settle(browser)
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert cut_off(browser) == []
        names = [e.text for e in browser.find_elements("css selector", "#roof text.name")]
        assert any("lstm0" in name for name in names), names
        # What little the program needs fills the plot, not a line at its foot.
        heights = browser.execute_script(
            "return [...document.querySelectorAll('#occupancy polygon')].map((p) => p.getBBox().height)"
        )
        assert len(heights) == 2 and min(heights) > 20, heights
        bars = browser.execute_script(
            "return Math.max(...[...document.querySelectorAll('#bounds i')].map((i) => i.offsetWidth))"
        )
        assert bars >= 40
        first = browser.find_element("css selector", "#effects td").rect["width"]
        assert first >= 100
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        settle(browser)


def test_keyboard_and_energy(browser):
    from selenium.webdriver.common.keys import Keys

    dot = browser.find_element("css selector", "#roof circle")
    browser.execute_script("arguments[0].focus()", dot)
    assert "MACs" in browser.find_element("id", "tip").text
    box = browser.find_element("id", "source-find")
    box.clear()
    box.send_keys("x", Keys.BACKSPACE)
    row = browser.find_element("css selector", "tr.node:not([hidden])")
    hidden = len(browser.find_elements("css selector", "tr.inner[hidden]"))
    row.send_keys(Keys.SPACE)
    assert len(browser.find_elements("css selector", "tr.inner[hidden]")) != hidden
    assert "products" in browser.find_element("id", "energy").text
    lanes = browser.find_element("id", "lanes")
    lanes.send_keys("0")
    lanes.send_keys("+")
    settle(browser)
    assert browser.execute_script("return view.to - view.from < total")
