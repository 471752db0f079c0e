"""`python -m stockflow`."""

from stockflow.commands.cli import main

main()
