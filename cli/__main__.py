"""Entry of `./lab`: `python -m cli`.

Importing the commands takes half a second, in which Ctrl-C must not show a traceback either.
"""

import sys

try:
    from rehearsal import collector

    collector.off()
    from cli.app import main

    main()
except KeyboardInterrupt:
    sys.stderr.write("\nlab: interrupted before anything was begun.\n")
    sys.exit(130)
