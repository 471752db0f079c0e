"""Digests are of what a model file says: an edit shows, a new layout does not, no other model's posterior is used."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from analysis.cli import cli
from calibration.records.results import accepted_posterior, is_current, load_accepted
from models import home
from models.files.build import FOLDER, main
from models.files.digest import differences, digests, edited
from models.run import run_case
from stockflow.errors import InputError
from stockflow.language.source import Source, read
from stockflow.names import plain

FITTED = ("cost sensitivity",)
FILE = FOLDER / "vensim" / "nev.mdl"
EDIT = ("required talent= total RD/RD cost per researcher", "required talent= 2*total RD/RD cost per researcher")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's models in a folder of one's own, to be edited."""
    for part in ("vensim", "cases", "policies", "scenarios"):
        shutil.copytree(FOLDER / part, tmp_path / part)
    monkeypatch.setattr(home, "MODELS", tmp_path)
    return tmp_path


def changed(old: str, new: str) -> Source:
    source = read(FILE)
    assert source.text.count(old) == 1
    return Source(source.name, source.text.replace(old, new))


def edit(folder: Path, old: str, new: str, file: str = "vensim/nev.mdl") -> Path:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def laid_out_anew(source: Source, seed: int) -> Source:
    """The same entries in another order, broken into other lines, numbers spelled otherwise, under another sketch."""
    rng = random.Random(seed)
    entries = list(source.entries())
    rng.shuffle(entries)
    blocks = []
    for one in entries:
        equation = re.sub(r"(?<![\w.])(\d+\.\d+)(?![\w.])", r"\g<1>0", one.equation)
        left, _, right = equation.partition("=")
        right = right.replace("*", " *\\\n\t\t") if rng.random() < 0.5 else right
        blocks.append(f"{left} =\n\t{right}\n\t~\t{one.unit}\n\t~\t{one.documentation}\n\t|\n\n")
    settings = source.text[source.text.index("///---") :]
    return Source(source.name, "{UTF-8}\n" + "".join(blocks) + "\\\\\\---/// Sketch\n" + settings)


@pytest.mark.parametrize("seed", range(3))
def test_a_file_laid_out_anew_has_the_digests_and_the_signature_it_had(seed: int) -> None:
    source = read(FILE)
    other = laid_out_anew(source, seed)
    assert digests(other, FITTED) == digests(source, FITTED)
    assert not edited(other)
    assert not differences(source, other)


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        (*EDIT, {"equations"}),
        ("central subsidy= WITH LOOKUP ( Time,", "central subsidy= WITH LOOKUP ( Time+1,", {"drivers", "equations"}),
        ("TIME STEP= 0.03125", "TIME STEP= 0.0625", {"fixed_parameters"}),
        ("All are alike: no age, skill or place.", "All are alike.", set()),
    ],
)  # fmt: skip
def test_an_edit_changes_the_digest_of_its_kind_alone_and_always_the_signature(
    old: str, new: str, kinds: set[str]
) -> None:
    before, source = digests(read(FILE), FITTED), changed(old, new)
    after = digests(source, FITTED)
    assert {kind for kind in before if before[kind] != after[kind]} == kinds
    assert edited(source)


def test_a_fitted_constant_may_take_any_value_inside_its_limits_and_keeps_the_digests() -> None:
    equation = next(one for one in read(FILE).entries() if one.key == plain("cost sensitivity"))
    other = changed(equation.equation, "cost sensitivity= 0.123")
    assert digests(other, FITTED) == digests(read(FILE), FITTED)
    assert digests(other, ()) != digests(read(FILE), ())


def test_an_edited_model_is_run_and_its_old_estimates_and_posterior_are_refused(models: Path) -> None:
    before = run_case("nev", until=1995)["required talent"]
    edit(models, *EDIT)
    np.testing.assert_allclose(run_case("nev", until=1992)["required talent"][0], 2 * before[0], rtol=1e-12)
    assert not is_current("nev")
    renew = r"run `techcycle calibrate nev --posterior --accept`"
    with pytest.raises(InputError, match=rf"nev_posterior\.nc: digest: .*; {renew}"):
        accepted_posterior("nev")
    with pytest.raises(InputError, match=rf"nev\.toml: hashes: made with other equations; {renew}"):
        load_accepted("nev")
    told = CliRunner().invoke(cli, ["run", "nev", "--until", "1992"])
    assert told.exit_code == 0
    assert f"Warning: nev: the estimates are of an earlier state of its files; {renew}" in told.stderr
    assert accepted_posterior("pv").size


def test_a_build_stops_at_an_edited_file_names_the_edit_and_writes_nothing(models: Path) -> None:
    file = edit(models, *EDIT)
    kept = file.read_text(encoding="utf-8")
    edit(
        models, '[parameters."target markup"]\nvalue = 0.', '[parameters."target markup"]\nvalue = 0.1', "cases/pv.toml"
    )
    other = (models / "vensim" / "pv.mdl").read_text(encoding="utf-8")
    said: list[str] = []
    assert main([], said.append, models) == 2
    assert len(said) == 1 and "nev.mdl: edited since it was built: 'required talent'" in said[0]
    assert (file.read_text(encoding="utf-8"), (models / "vensim" / "pv.mdl").read_text(encoding="utf-8")) == (
        kept,
        other,
    )


def test_an_edit_carried_into_the_part_is_built(models: Path) -> None:
    file = edit(models, *EDIT)
    edit(models, *EDIT, "vensim/parts/core.part")
    said: list[str] = []
    assert main([], said.append, models) == 0
    assert not edited(read(file))
    assert set(said) == {f"wrote {case}.mdl" for case in ("pv", "nev", "ic", "mrna")}


def test_an_edited_file_that_is_deleted_is_built_anew(models: Path) -> None:
    edit(models, *EDIT).unlink()
    assert main([], lambda _: None, models) == 0
    assert (models / "vensim" / "nev.mdl").read_bytes() == FILE.read_bytes()
