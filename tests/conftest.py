"""The order of the tests, and the signals of what they start."""

import signal

import pytest

# The modules that take longest, that one first: a worker that got it last would keep the others waiting. They share
# one finished run: while the first makes it, another worker has something to do that does not need it.
LONGEST = (
    "test_interruptions",
    "test_same_bytes",
    "test_reruns",
    "test_mirrors",
    "test_configuration",
    "test_cache",
    "test_disk",
    "test_additions",
    "test_surroundings",
    "test_paper",
    "test_figures",
    "test_explorer_in_chromium",
    "test_integrity",
    "test_failures",
    "test_verify",
    "test_pipeline",
    "test_bad_input",
)


def pytest_configure() -> None:
    """A shell that starts the tests in its background has them, and all that they start, ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))
