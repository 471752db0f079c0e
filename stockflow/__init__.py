"""System dynamics in general: reads a stock-flow model file and runs it; knows no technology."""

from stockflow.equations import Variable
from stockflow.errors import InputError, UnknownNameError
from stockflow.model import Model, load
from stockflow.simulator import Simulator

__all__ = ["InputError", "Model", "Simulator", "UnknownNameError", "Variable", "load"]
