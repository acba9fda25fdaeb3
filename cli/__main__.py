"""Entry of `./lab`: `python -m cli`."""

from cli.app import main

main()
