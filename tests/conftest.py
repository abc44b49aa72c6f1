"""Settings that all tests share."""

import pytest
from hypothesis import settings

# Property tests draw the same cases every time: a red test stays red until it is mended.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items):
    """Tests that open a page need Debian's Chromium: they are those of `make test-browser`, and not of `make test`."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
