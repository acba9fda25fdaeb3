"""What holds for every test."""

import functools
import os
import signal

import botocore.session
import pytest
from hypothesis import settings

from rehearsal import collector

# A worker imports every provider's SDK.
collector.off()

# Tests make AWS sessions by the hundred, and each would read the same files of botocore's, which do not change.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

# What tests read is English, whatever the language of who runs them.
os.environ["LAB_LANG"] = "en"

# Speed is measured in the benchmark: no property test fails for being slow.
settings.register_profile("lab", deadline=None)
settings.load_profile("lab")

# A run in the background begins with Ctrl-C and SIGQUIT ignored, one by nohup with SIGHUP too, and their children
# would inherit that: tests that interrupt a command would then wait for something that cannot come.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_DFL)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was imported stays; the tests' own garbage goes."""
    del session
    collector.seldom()
