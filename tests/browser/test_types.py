"""The types of the page's modules, which are in their JSDoc comments."""

import shutil
import subprocess

import pytest

from tests.browser.test_modules import PAGE

TSC = shutil.which("tsc")


@pytest.mark.skipif(TSC is None, reason="tsc is not installed (npm install --global typescript@7)")
def test_types_of_the_modules_agree() -> None:
    assert TSC is not None
    check = subprocess.run([TSC, "--project", PAGE], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout
