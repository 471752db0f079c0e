"""The commands of `techcycle`, a module for each topic; `analysis/cli.py` names them imports one when called."""
