"""Awaits a state instead of sleeping for a guessed time."""

import time


def eventually(probe, within: float = 5.0):
    """The first result of `probe` that is neither None nor False."""
    deadline = time.monotonic() + within
    while True:
        result = probe()
        if result is not None and result is not False:
            return result
        assert time.monotonic() < deadline, f"{probe} did not come true within {within} s"
        time.sleep(0.01)
