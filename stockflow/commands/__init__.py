"""The command `stockflow`."""
