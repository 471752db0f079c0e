"""`python -m stockflow`."""

from stockflow.commands.entry import main

main()
