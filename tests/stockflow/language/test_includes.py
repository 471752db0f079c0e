"""XMILE files that take models, macros and dimensions from files beside them."""

from pathlib import Path

import numpy as np
import pytest

import stockflow
from stockflow.errors import InputError

HEAD = '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header><vendor>v</vendor>'
CLOCK = "<sim_specs><start>0</start><stop>2</stop><dt>1</dt></sim_specs>"
FED = '<module name="Sub"{}><connect to="Input" from=".given"/><connect to=".taken" from="Sub.Output"/></module>'
OWN = '<aux name="given" access="output"><eqn>TIME+1</eqn></aux><aux name="taken" access="input"/>'
INNER = '<aux name="Input" access="input"/><aux name="Output"><eqn>Input*2</eqn></aux>'


def whole(variables: str, rest: str = "", header: str = "", clock: str = CLOCK, model: str = "<model>") -> str:
    return f"{HEAD}{header}</header>{clock}{model}<variables>{variables}</variables></model>{rest}</xmile>"


def saved(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.xmile").write_text(text, encoding="utf-8")
    return folder / "main.xmile"


def test_what_a_module_gives_out_stands_in_a_variable_of_the_whole_model(tmp_path: Path) -> None:
    inner = f'<model name="Sub"><variables>{INNER}</variables></model>'
    run = stockflow.load(saved(tmp_path, main=whole(FED.format("") + OWN, inner))).run()
    np.testing.assert_array_equal(run["taken"].values, [2.0, 4.0, 6.0])
    with pytest.raises(InputError, match=r"module 'Sub' \(line 1\): connects '.taken', but the whole model has no"):
        stockflow.load(saved(tmp_path, main=whole(FED.format("") + OWN.replace("taken", "took"), inner)))


def test_a_module_is_taken_from_the_file_that_it_names_where_its_own_has_no_such_model(tmp_path: Path) -> None:
    deep = '<module name="deep" resource="deep.xmile"/>'
    main = whole(FED.format(' resource="sub.xmile"') + OWN)
    path = saved(
        tmp_path,
        main=main,
        sub=whole(INNER + deep, clock=""),
        deep=whole('<aux name="seven"><eqn>7</eqn></aux>', clock=""),
    )
    model = stockflow.load(path)
    run = model.run()
    np.testing.assert_array_equal(run["taken"].values, [2.0, 4.0, 6.0])
    assert run["Sub.deep.seven"].values[0] == 7.0
    # what is changed and saved elsewhere needs the other files no longer
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "main.xmile").write_text(model.file.text, encoding="utf-8")
    np.testing.assert_array_equal(stockflow.load(elsewhere / "main.xmile").run()["taken"].values, [2.0, 4.0, 6.0])
    kept = whole(
        FED.format(' resource="nowhere.xmile"') + OWN, f'<model name="Sub"><variables>{INNER}</variables></model>'
    )
    np.testing.assert_array_equal(stockflow.load(saved(tmp_path, main=kept)).run()["taken"].values, [2.0, 4.0, 6.0])


def test_macros_models_and_dimensions_are_included(tmp_path: Path) -> None:
    includes = '<includes><include resource="parts.xmile"/><include resource="more.xmile"/></includes>'
    array = '<aux name="a"><dimensions><dim name="d"/></dimensions><eqn>twice(4)</eqn></aux>'
    parts = f'{HEAD}</header><macro name="twice"><parm>x</parm><eqn>x*2</eqn></macro></xmile>'
    dims = '<dimensions><dim name="d"><elem name="p"/><elem name="q"/></dim></dimensions>'
    more = whole('<aux name="v"><eqn>twice(100)</eqn></aux>', dims, clock="", model='<model name="m">')
    # a file that includes itself, or that is included twice, is taken once
    again = parts.replace("</header>", '<includes><include resource="parts.xmile"/></includes></header>')
    path = saved(tmp_path, main=whole(array + '<module name="m"/>', header=includes), parts=again, more=more)
    run = stockflow.load(path).run()
    assert (*(run[one].values[0] for one in ("m.v", "a[p]", "a[q]")),) == (200.0, 8.0, 8.0)


@pytest.mark.parametrize(
    ("resource", "other", "words"),
    [
        ("../out.xmile", None, "outside the folder"),
        ("none.xmile", None, "which is not in"),
        ("main.xmile", None, r"file 'main.xmile' \(line 2\): is the whole model, which then includes itself"),
        ("*.xmile", None, r"file '\*.xmile' \(line 2\): a wildcard, which is not supported: name each file"),
        ("http://example.org/m.xmile", None, "which is not in"),
        ("bad.xmile", "<xmile", "not XMILE|not XML"),
        ("bad.xmile", "<html/>", "not XMILE: the outermost element is 'html'"),
        ("bad.xmile", '<xmile xmlns="other"/>', "has another namespace"),
        ("bad.xmile", whole("", clock=""), "has a model without a name, which only a module can take"),
    ],
)
def test_a_file_that_cannot_be_included_is_told_with_its_line(
    tmp_path: Path, resource: str, other: str | None, words: str
) -> None:
    if other is not None:
        (tmp_path / resource).write_text(other, encoding="utf-8")
    header = f'\n<includes><include resource="{resource}"/></includes>'
    with pytest.raises(InputError, match=words) as told:
        stockflow.load(saved(tmp_path, main=whole("", header=header)))
    assert "\n" not in str(told.value)
    assert "line 2" in str(told.value) or resource in str(told.value)


def test_a_file_is_looked_for_beside_the_one_that_names_it_and_is_one_however_it_is_spelled(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    modules = '<module name="A" resource="sub/a.xmile"/><module name="B" resource="./sub/../b.xmile"/>'
    path = saved(
        tmp_path,
        main=whole(f'{modules}<module name="C" resource="b.xmile"/>'),
        b=whole('<aux name="x"><eqn>1</eqn></aux>', clock=""),
        **{
            "sub/a": whole('<module name="D" resource="b.xmile"/>', clock=""),
            "sub/b": whole('<aux name="x"><eqn>2</eqn></aux>', clock=""),
        },
    )
    model = stockflow.load(path)
    run = model.run()
    assert (*(run[one].values[0] for one in ("A.D.x", "B.x", "C.x")),) == (2.0, 1.0, 1.0)
    assert model.file.text.count("<model") == 4
    (tmp_path / "sub" / "b.xmile").write_text("<html/>", encoding="utf-8")
    with pytest.raises(InputError, match=r"sub/b\.xmile: not XMILE"):
        stockflow.load(path)


def test_a_circle_of_links_is_no_file(tmp_path: Path) -> None:
    for one, other in (("first.xmile", "second.xmile"), ("second.xmile", "first.xmile")):
        (tmp_path / one).symlink_to(tmp_path / other)
    header = '<includes><include resource="first.xmile"/></includes>'
    with pytest.raises(InputError, match=r"file .first\.xmile., which"):
        stockflow.load(saved(tmp_path, main=whole("", header=header)))


def test_a_module_of_a_file_without_a_model_is_told(tmp_path: Path) -> None:
    main = whole('<module name="m" resource="empty.xmile"/>')
    with pytest.raises(InputError, match=r"file 'empty.xmile' \(line 1\): has no model"):
        stockflow.load(saved(tmp_path, main=main, empty=f"{HEAD}</header></xmile>"))


def test_more_files_than_the_bound_are_refused(tmp_path: Path) -> None:
    names = [f"f{place}" for place in range(51)]
    header = "<includes>" + "".join(f'<include resource="{one}.xmile"/>' for one in names) + "</includes>"
    files = dict.fromkeys(names, f"{HEAD}</header></xmile>")
    with pytest.raises(InputError, match="more than 50 files"):
        stockflow.load(saved(tmp_path, main=whole('<aux name="x"><eqn>1</eqn></aux>', header=header), **files))
