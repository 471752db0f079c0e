"""Questions asked of the calibrated model, and their answers as figures and tables."""

import importlib
import sys
from pathlib import Path

# The folder that a command is called in may be on the path and hold a package `models` of the user's own: the packages
# beside this one are taken from where this one lies.
sys.path.insert(0, str(Path(__file__).parents[1]))
for _name in ("models", "calibration"):
    importlib.import_module(_name)
sys.path.pop(0)
