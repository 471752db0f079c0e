"""What the page "What is read" says is read: every row of it with its numbers, and what no row can hold."""

import shutil
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from read_rows import READ, Row, numbered, numbers, refused_file, rows
from stockflow_helpers import MODELS, outcome, written

import stockflow
from stockflow import InputError
from stockflow.commands import cli
from stockflow.errors import ReadingWarning
from stockflow.language.functions.dialects import VENSIM, XMILE

SPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
ROWS, UNREAD = rows()["row"], rows()["unread"]


@pytest.mark.parametrize("row", [one for one in ROWS if "file" in one], ids=lambda row: row["file"])
def test_a_row_that_is_read_gives_the_numbers_beside_its_file(row: Row) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        run = stockflow.load(READ / row["file"], data=[READ / one for one in row.get("data", [])]).run()
    for one, words in zip(said, row.get("warns", []), strict=True):
        assert words in str(one.message)
    table = numbers(row)
    np.testing.assert_allclose(run["time"].values, table.pop("Time"), rtol=1e-12)
    assert table
    for name, values in table.items():
        np.testing.assert_allclose(run[name].values, values, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("row", [one for one in ROWS if "no" in one], ids=lambda row: row["what"])
def test_a_row_that_is_not_read_is_refused_in_one_line(tmp_path, capsys, row: Row) -> None:
    shutil.copy(READ / "files_beside_table.csv", tmp_path)
    path = refused_file(tmp_path, row)
    assert outcome(cli.main, "stockflow", "run", path, "--out", tmp_path / "run.csv") == 2
    told = capsys.readouterr()
    assert not told.out and len(told.err.splitlines()) == 1
    for words in (str(path), *row["refused"].split("...")):
        assert words in told.err
    assert not (tmp_path / "run.csv").exists()


@pytest.mark.parametrize("dialect", ["Vensim", "XMILE", "Stella"])
def test_a_function_that_is_not_read_is_refused_by_name(tmp_path, dialect: str) -> None:
    for name in (name for group in UNREAD if group["in"] == dialect for name in group["names"]):
        text = f"y= {name}(1) ~~|\n" if dialect == "Vensim" else f"<aux name='y'><eqn>{name}(1)</eqn></aux>"
        with pytest.raises(InputError, match=rf"not supported: function {name}\b.* in 'y' \(line 2\)$"):
            stockflow.load(refused_file(tmp_path, {"in": dialect, "text": text}))


def test_every_function_has_a_number_in_a_row() -> None:
    of_vensim, of_xmile = set(numbered({"Vensim"})), set(numbered({"XMILE", "Stella"}))
    shared = {name for name in VENSIM.keys() & XMILE.keys() if VENSIM[name] is XMILE[name]}
    assert {name.upper() for name in VENSIM} == of_vensim
    assert {name.upper() for name in XMILE.keys() - shared} <= of_xmile
    assert of_xmile <= {name.upper() for name in XMILE}


def small(folder: Path, variables: str, rest: str = "", specs: str = "<dt>1</dt>", ending: str = ".xmile") -> Path:
    path = folder / f"small{ending}"
    path.write_text(
        f'<xmile version="1.0" xmlns="{SPACE}"><sim_specs><start>0</start><stop>4</stop>{specs}</sim_specs>'
        '<dimensions><dim name="d"><elem name="a"/><elem name="b"/></dim></dimensions>'
        f"<model><variables>{variables}</variables></model>{rest}</xmile>",
        encoding="utf-8",
    )
    return path


def test_a_run_may_set_a_constant_that_the_final_time_is_made_of(tmp_path) -> None:
    path = written(tmp_path, "horizon= 2 ~ Year\ns= INTEG(1, 0) ~ Year", 1.0, 4.0, 1.0)
    path.write_text(path.read_text().replace("FINAL TIME= 4.0", "FINAL TIME= INITIAL TIME+horizon*2"))
    model = stockflow.load(path)
    assert (model.final_time, float(model.run()["s"].values[-1])) == (4.0, 4.0)
    assert model.run({"horizon": 3.0})["s"].values.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    with pytest.raises(InputError, match="horizon decides FINAL TIME, which is fixed when a simulator is made"):
        model.runs({"horizon": [1.0, 2.0]}, ["s"])


def test_what_is_saved_is_the_first_step_at_or_after_its_time(tmp_path) -> None:
    path = written(tmp_path, "s= INTEG(1, 0) ~ Year", 1.0, 2.0, 0.25)
    assert stockflow.load(path).run()["time"].values.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("encoding", "text"), [("cp1252", "{}x= 3 ~ ~ Sterman’s é |\n"), ("gb18030", "{}人口= 3 ~ ~ 人口数 |\n")]
)
def test_a_model_in_a_local_encoding_is_read_and_that_is_said(tmp_path, encoding: str, text: str) -> None:
    path = tmp_path / "model.mdl"
    controls = "INITIAL TIME= 0~~|\nFINAL TIME= 1~~|\nTIME STEP= 1~~|\nSAVEPER= 1~~|\n"
    path.write_bytes((text.format("") + controls).encode(encoding))
    with pytest.warns(ReadingWarning, match=f"is not UTF-8; read as {encoding}"):
        model = stockflow.load(path)
    documentation = next(iter(model.variables.values())).documentation
    assert documentation in text
    assert next(iter(stockflow.load(path, encoding=encoding).variables.values())).documentation == documentation
    path.write_bytes((text.format("{" + encoding + "}\n") + controls).encode(encoding))
    assert next(iter(stockflow.load(path).variables.values())).documentation == documentation
    with pytest.raises(InputError, match="not text in the encoding 'ascii'"):
        stockflow.load(path, encoding="ascii")


def test_modules_are_written_out_with_their_connections() -> None:
    model = stockflow.load(MODELS / "modules.xmile")
    run = model.run()
    assert run["north.Level"].values.tolist() == [10.0, 12.0, 14.0, 16.0, 18.0]
    assert run["south.pump.rate"].values.tolist() == [5.0] * 5
    assert run["total"].values.tolist() == [20.0, 27.0, 34.0, 41.0, 48.0]
    assert model.variable("north.Level").kind == "stock"
    # a module beside this one may be called as a variable that it fills here
    np.testing.assert_allclose(run["prey.prey"].values, [40.0, 38.0, 28.0, 10.4, 0.0], atol=1e-12)
    np.testing.assert_allclose(run["hunters.hunters"].values, [1.0, 5.0, 8.8, 11.6, 12.64])
    assert run["prey.hunters"].values.tolist() == run["hunters.hunters"].values.tolist()


def test_results_are_kept_as_often_as_a_number_says(tmp_path) -> None:
    path = small(tmp_path, "<aux name='y'><eqn>TIME</eqn></aux>")
    path.write_text(path.read_text().replace("<sim_specs>", "<sim_specs isee:save_interval='abc'>"))
    with pytest.raises(InputError, match=r"small\.xmile: line 1: save_interval of sim_specs is 'abc', which is no num"):
        stockflow.load(path)


def test_a_drawn_stock_before_a_variable_with_a_start_is_none(tmp_path) -> None:
    variables = "<aux name='x'><eqn>1</eqn><init_eqn>2</init_eqn></aux>"
    drawn = "<views><view><stock name='s'/></view></views><variables>"
    path = small(tmp_path, variables + "<stock name='s'><eqn>1</eqn></stock>")
    path.write_text(path.read_text("utf-8").replace("<variables>", drawn), "utf-8")
    assert stockflow.load(path).run()["s"].values.tolist() == [1.0] * 5


def test_warnings_of_a_large_file_cost_no_more_than_its_length(tmp_path) -> None:
    stocks = "".join(f"<stock name='s{place}'><eqn>1</eqn></stock>" for place in range(4000))
    path = small(tmp_path, stocks)
    begun = time.process_time()
    stockflow.load(path)
    assert time.process_time() - begun < 5.0


def test_outflows_of_a_non_negative_stock_take_what_is_left_in_their_order(tmp_path) -> None:
    variables = """
    <stock name="S"><eqn>3</eqn><inflow>i</inflow><outflow>o</outflow><outflow>q</outflow><non_negative/></stock>
    <flow name="i"><eqn>0.5</eqn></flow><flow name="o"><eqn>2</eqn></flow><flow name="q"><eqn>o</eqn></flow>
    """
    run = stockflow.load(small(tmp_path, variables)).run()
    assert run["o"].values.tolist() == [2.0, 0.5, 0.5, 0.5, 0.5]
    assert run["q"].values.tolist() == [1.5, 0.0, 0.0, 0.0, 0.0]


def test_what_goes_round_between_non_negative_stocks_stays_as_much(tmp_path) -> None:
    variables = """
    <stock name="A"><eqn>3</eqn><inflow>back</inflow><outflow>there</outflow><non_negative/></stock>
    <stock name="B"><eqn>0</eqn><inflow>there</inflow><outflow>back</outflow><non_negative/></stock>
    <flow name="there"><eqn>2</eqn></flow><flow name="back"><eqn>1.5</eqn></flow><aux name="y"><eqn>A + B</eqn></aux>
    """
    run = stockflow.load(small(tmp_path, variables)).run()
    assert run["y"].values.tolist() == [3.0] * 5
    assert min(run["A"].values.min(), run["B"].values.min()) >= 0


@pytest.mark.parametrize("size", ["9999999999", "0"])
def test_an_array_too_large_to_be_written_out_is_refused(tmp_path, size: str) -> None:
    path = small(tmp_path, "<aux name='y'><eqn>3</eqn></aux>")
    path.write_text(path.read_text().replace('<dim name="d">', f'<dim name="e" size="{size}"/><dim name="d">'))
    with pytest.raises(InputError, match=f"dimension 'e' has size '{size}'"):
        stockflow.load(path)
    with pytest.raises(InputError, match="range of more than 1000000 elements"):
        stockflow.load(written(tmp_path, "r: (a1-a9999999999) ~ ~\nx[r]= 1 ~ Dmnl"))
    with pytest.raises(InputError, match="array of more than 400000 elements in 'x'"):
        stockflow.load(written(tmp_path, "r: (a1-a99999) ~ ~\ns: (b1-b99999) ~ ~\nx[r,s]= 1 ~ Dmnl"))


def test_data_are_read_at_any_time(tmp_path) -> None:
    table = tmp_path / "d.csv"
    table.write_text("Time,d\n1,10\n3,30\n")
    equations = """
        d ~ Dmnl
        between= GET DATA BETWEEN TIMES(d, Time, 0) ~ Dmnl
        next= GET DATA BETWEEN TIMES(d, Time, 1) ~ Dmnl
        last= GET DATA BETWEEN TIMES(d, Time, -1) ~ Dmnl
        ends= GET DATA FIRST TIME(d)+GET DATA LAST TIME(d)*10 ~ Dmnl
    """
    run = stockflow.load(written(tmp_path, equations, 1.0, 4.0, 1.0), data=[table]).run()
    missing = -(2.0**109)
    assert run["between"].values.tolist() == [missing, 10.0, 20.0, 30.0, missing]
    assert run["next"].values.tolist() == [missing, 10.0, 30.0, 30.0, missing]
    assert run["last"].values.tolist() == [missing, 10.0, 10.0, 30.0, missing]
    assert run["ends"].values.tolist() == [31.0] * 5
    # whatever keyword the data have
    for how in (":RAW:", ":HOLD BACKWARD:", ":LOOK FORWARD:"):
        for own in (equations.replace("d ~", f"d{how} ~"), equations.replace("d ~", f"d{how}:= e ~") + "e ~ Dmnl"):
            table.write_text(f"Time,{'e' if 'e ~ Dmnl' in own else 'd'}\n1,10\n3,30\n")
            again = stockflow.load(written(tmp_path, own, 1.0, 4.0, 1.0), data=[table]).run()
            for name in ("between", "next", "last", "ends"):
                assert again[name].values.tolist() == run[name].values.tolist(), (how, name)


def test_raw_data_stand_for_one_step(tmp_path) -> None:
    table = tmp_path / "d.csv"
    table.write_text("Time,d,one\n2000,1,\n2001,2,7\n2002,4,\n")
    equations = "d:RAW: ~ Dmnl\none:RAW: ~ Dmnl"
    path = written(tmp_path, equations, 2.0**-12, 2002.0, 2.0**-12)
    path.write_text(path.read_text().replace("INITIAL TIME= 0", "INITIAL TIME= 2000"))
    run = stockflow.load(path, data=[table]).run()
    assert [one for one in run["d"].values.tolist() if one > 0] == [1.0, 2.0, 4.0]
    assert [one for one in run["one"].values.tolist() if one > 0] == [7.0]


def test_an_array_without_subscripts_goes_by_the_names_of_its_ranges(tmp_path) -> None:
    both = "<dimensions><dim name='A'/><dim name='B'/></dimensions>"
    path = small(
        tmp_path,
        "<aux name='y'><dimensions><dim name='B'/></dimensions><element subscript='1'><eqn>10</eqn></element>"
        "<element subscript='2'><eqn>20</eqn></element></aux>"
        f"<aux name='x'>{both}<eqn>y</eqn></aux>"
        "<aux name='z'><dimensions><dim name='B'/><dim name='A'/></dimensions><eqn>x</eqn></aux>",
    )
    sized = "<dimensions><dim name='A' size='2'/><dim name='B' size='2'/>"
    path.write_text(path.read_text(encoding="utf-8").replace("<dimensions>", sized, 1), encoding="utf-8")
    run = stockflow.load(path).run()
    assert [run[f"x[{one}]"].values[0] for one in ("1,1", "1,2", "2,1", "2,2")] == [10.0, 20.0, 10.0, 20.0]
    assert [run[f"z[{one}]"].values[0] for one in ("1,1", "1,2", "2,1", "2,2")] == [10.0, 10.0, 20.0, 20.0]
    inside = "r: a,b ~ ~\ns: b,a ~ ~\ny[s]= s ~ Dmnl\nx[r,s]= y ~ Dmnl"
    run = stockflow.load(written(tmp_path, inside)).run()
    assert [run[f"x[{one}]"].values[0] - run["x[a,a]"].values[0] for one in ("a,b", "b,a")] != [0.0, 0.0]


def test_a_name_with_a_point_is_no_module(tmp_path) -> None:
    inner = (
        "<model name='m'><variables><aux name='a.b'><eqn>3</eqn></aux>"
        "<aux name='c'><eqn>2*&quot;a.b&quot;</eqn></aux></variables></model>"
    )
    path = small(
        tmp_path, "<module name='m'/><aux name='a.b'><eqn>1</eqn></aux><aux name='y'><eqn>m.c</eqn></aux>", inner
    )
    assert stockflow.load(path).run()["y"].values.tolist() == [6.0] * 5


def test_an_encoding_that_a_person_names_holds_against_what_the_file_says(tmp_path) -> None:
    path = small(tmp_path, "<aux name='é'><eqn>3</eqn></aux>")
    text = path.read_text(encoding="utf-8")
    path.write_bytes(f'<?xml version="1.0" encoding="iso-8859-1"?>{text}'.encode("iso-8859-1"))
    assert "é" in stockflow.load(path, encoding="iso-8859-1").run()


def test_comments_in_an_element_do_not_end_its_text(tmp_path) -> None:
    curve = "<gf><xpts>0,<!-- then --> 4</xpts><ypts>0<?mark?>,8</ypts></gf>"
    variables = f"<aux name='y'><eqn>TIME <!-- and --> * 1</eqn>{curve}</aux>"
    assert stockflow.load(small(tmp_path, variables)).run()["y"].values.tolist() == [0.0, 2.0, 4.0, 6.0, 8.0]
    with pytest.raises(InputError, match="equation with elements inside in 'y'"):
        stockflow.load(small(tmp_path, "<aux name='y'><eqn>1<b/> + 2</eqn></aux>"))


TWO = "<module name='m{0}'/>" * 2
REFUSED_XMILE = [
    (
        f"<aux name='y'><eqn>{'IF 1 THEN ' * 900}1{' ELSE 2' * 900}</eqn></aux>",
        "",
        "signs or choices inside each other",
    ),
    (
        "<module name='m0'/>",
        "".join(f"<model name='m{n}'><variables>{TWO.format(n + 1)}</variables></model>" for n in range(18))
        + "<model name='m18'><variables><aux name='a'><eqn>1</eqn></aux></variables></model>",
        "more than 100000 variables",
    ),
]


@pytest.mark.parametrize(("variables", "rest", "message"), REFUSED_XMILE)
def test_what_would_be_read_wrongly_or_without_end_is_refused(
    tmp_path, variables: str, rest: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        stockflow.load(small(tmp_path, variables, rest))


@pytest.mark.parametrize("cell", ["B2", "A3"])
def test_a_cell_without_a_number_is_no_constant(tmp_path, cell: str) -> None:
    (tmp_path / "c.csv").write_text("a,b\n1,\nx,3\n")
    with pytest.raises(InputError, match=f"cell from '{cell}' on in 'c.csv' that holds no number"):
        stockflow.load(written(tmp_path, f"y= GET DIRECT CONSTANTS('c.csv', ',', '{cell}') ~ Dmnl"))
