"""Where PySD and a manual differ, a model that is read as PySD reads it runs as PySD runs it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from stockflow_helpers import outcome, written

import stockflow
from stockflow.commands.cli import main

SPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
VENSIM = {
    "PULSE": "x= PULSE(1, 0.5)+PULSE(2, 0)+PULSE(2.1, 0.2)",
    "PULSE TRAIN": "x= PULSE TRAIN(0.5, 0.25, 1, 3)+PULSE TRAIN(1.1, 0.4, 0.7, 9)",
    ":NA:": "x= MAX(:NA:, 1)+IF THEN ELSE(:NA: < 0, 1, 2)",
    "action 5 of VECTOR SELECT": "r: a, b ~~\npick[r]= 2, 3 ~~\nv[r]= 3, 4 ~~\n"
    "x= VECTOR SELECT(pick[r!], v[r!], 0, 5, 0)",
}
XMILE = {
    "PULSE": "PULSE(3, 1.05) + PULSE(2, 0.5, 0.75)",
    "INT": "INT(TIME*0.7 - 2)",
    "MOD": "(TIME*3 - 5) mod 3 + (7 - TIME) mod 2*3",
    "NOT": "IF NOT TIME = 1 THEN 1 ELSE 0",
}


def xmile(folder: Path, variables: str) -> Path:
    file = folder / "model.xmile"
    file.write_text(
        f'<xmile version="1.0" xmlns="{SPACE}"><sim_specs><start>0</start><stop>4</stop><dt>0.25</dt></sim_specs>'
        f"<model><variables>{variables}</variables></model></xmile>",
        encoding="utf-8",
    )
    return file


def assert_as_pysd(file: Path) -> None:
    model = stockflow.load(file, rules="pysd")
    own, reference = model.run(), model.run(engine="reference")
    for name in own:
        np.testing.assert_allclose(own[name].values, reference[name].values, rtol=1e-12, atol=1e-12)
    manual = stockflow.load(file).run()["x"].values
    assert not np.array_equal(manual, own["x"].values)


@pytest.mark.parametrize("what", VENSIM)
def test_vensim(tmp_path: Path, what: str) -> None:
    assert_as_pysd(written(tmp_path, f"{VENSIM[what]} ~ Dmnl"))


@pytest.mark.parametrize("what", XMILE)
def test_xmile(tmp_path: Path, what: str) -> None:
    assert_as_pysd(xmile(tmp_path, f"<aux name='x'><eqn>{XMILE[what]}</eqn></aux>"))


def test_outflows_of_non_negative_stocks(tmp_path: Path) -> None:
    assert_as_pysd(
        xmile(
            tmp_path,
            "<stock name='S'><eqn>1</eqn><outflow>f</outflow><non_negative/></stock>"
            "<flow name='f'><eqn>0.7</eqn></flow><aux name='x'><eqn>S*2+f</eqn></aux>",
        )
    )


def test_the_multiplier_of_a_flow(tmp_path: Path) -> None:
    assert_as_pysd(
        xmile(
            tmp_path,
            "<stock name='x'><eqn>1</eqn><inflow>f</inflow></stock>"
            "<flow name='f'><eqn>0.7</eqn><multiplier>3</multiplier></flow>",
        )
    )


def test_the_option_says_it_of_every_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, "x= PULSE(1, 0) ~ Dmnl")
    assert outcome(main, "stockflow", "run", file, "--as", "pysd") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [float(row["x"]) for row in rows] == list(stockflow.load(file, rules="pysd").run()["x"].values)
    assert outcome(main, "stockflow", "convert", file, tmp_path / "b.xmile", "--as", "pysd") == 2
    assert "is read as PySD does" in capsys.readouterr().err
    assert not (tmp_path / "b.xmile").exists()
