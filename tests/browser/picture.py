"""Take the picture of the README, a day of the sample fixes: `python -m tests.browser.picture FILE`."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from local.stack import run_stack
from tests.browser.conftest import CHROMIUM
from tests.browser.visits import new_visit
from tests.integration.whole_stack import stack_options

DEVICE, DATE = "iphone_stuart", "2026-01-21"
WIDTH, HEIGHT = 1120, 770


def take(file: Path) -> None:
    """Run the whole system, calculate the day in the page, and write the picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        run_stack(stack_options(DATA_DIR=folder)) as stack,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        visit = new_visit(browser, stack.url, frozenset(), width=WIDTH)
        visit.calculate(DEVICE, DATE)
        visit.page.screenshot(path=file, clip={"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT})
        browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]))
