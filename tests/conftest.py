"""What holds for every test."""

import signal

from hypothesis import settings

# Speed is measured in the benchmark: no property test fails for being slow.
settings.register_profile("lab", deadline=None)
settings.load_profile("lab")

# A run in the background begins with Ctrl-C and SIGQUIT ignored, one by nohup with SIGHUP too, and their children
# would inherit that: tests that interrupt a command would then wait for something that cannot come.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_DFL)
