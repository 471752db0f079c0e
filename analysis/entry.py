"""Where the command `techcycle` begins."""

from stockflow.commands.entry import start


def main() -> None:
    """Run the command `techcycle`."""
    start("techcycle", "analysis.cli")
