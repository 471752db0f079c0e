"""How long a user waits from calling Python to the first results, with nothing kept and with a cache."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from benchmarks.engines import Job
from stockflow.commands.bench import timed

_ROUNDS = 5
_PROGRAM = """
import sys, numpy, stockflow
model = stockflow.load({path!r})
simulator = model.simulator({inputs!r}, {outputs!r})
simulator(numpy.array([[model.variable(name).value for name in simulator.inputs]]))
print("pysd" in sys.modules)
"""


@dataclass(frozen=True, slots=True)
class Startup:
    """Seconds from process start to the first results; `imports` says whether PySD was loaded with a cache."""

    fresh: float
    cached: float
    imports: bool


def startup(job: Job) -> Startup:
    """Measure a first process on an empty cache folder, then the best of several on the same folder."""
    program = _PROGRAM.format(path=str(job.path), inputs=job.inputs, outputs=job.outputs)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", program]
        environment = os.environ | {"STOCKFLOW_CACHE": folder}

        def once() -> str:
            return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()

        _, fresh = timed(once)
        rounds = [timed(once) for _ in range(_ROUNDS)]
    return Startup(fresh, min(seconds for _, seconds in rounds), rounds[-1][0] == "True")
