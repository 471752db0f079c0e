"""The main job leaves a page that opens offline, figures with their numbers, and a README that is true."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from importlib import resources
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest
from page_helpers import needs_browser

from analysis.fits.figures import series_numbers
from analysis.phase_out.study import STUDIED
from analysis.plain import progress
from analysis.plain.folder import Folder
from analysis.report import readme, reproduce
from analysis.report.brief import exit_rows
from analysis.report.chapters import mechanism_chapters, path_chapters
from analysis.report.fit_chapter import fit_words
from analysis.report.reproduce import reproduce_all
from analysis.trust import study as asked
from analysis.trust.chapter import posteriors_of
from benchmarks.browser import tab
from calibration.fitting.estimates import Calibration
from calibration.fitting.fit import concluded, find_mode
from calibration.fitting.payoff import fitted_series
from calibration.fitting.targets import load_targets
from calibration.records.results import HERE as RESULTS
from calibration.records.results import accepted_from, hashes, load_accepted
from calibration.records.sampling import carried
from models.case import CASES, load_case
from models.files.build import FOLDER
from stockflow.errors import InputError


@pytest.fixture(scope="module", params=[("mrna",), pytest.param(CASES, marks=pytest.mark.slow)], ids="-".join)
def cases(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Whose fits are told, beside the end of support of vehicles: the case with fewest parameters, or all."""
    return tuple(request.param)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory, cases: tuple[str, ...]) -> Path:
    root = tmp_path_factory.mktemp("output")
    whole = asked.Study.load()
    few = {case: one.model_copy(update={"searching_values": (0.0, 0.1, 0.3)}) for case, one in whole.cases.items()}
    short = whole.model_copy(update={"points": 3, "enough": 0.5, "drop": 0.4, "cases": few})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "usable_cores", lambda: 1)  # in this process, where what is patched is seen
        patch.setattr(asked.Study, "load", lambda: short)
        patch.setattr(
            reproduce, "mechanism_chapters", lambda _, folder, draws: mechanism_chapters(["mrna"], folder, draws)
        )
        patch.setattr(
            reproduce, "path_chapters", lambda _, study, folder, draws: path_chapters(["mrna"], study, folder, draws)
        )
        reproduce_all(Folder(root), 2, 12, cases, [case for case in STUDIED if case in ("nev", *cases)])
    return root


@pytest.fixture(scope="module")
def nev() -> Calibration:
    return concluded(find_mode(load_case("nev"), load_targets("nev"), 1))


def page(output: Path, name: str) -> str:
    return (output / "report" / f"{name}.html").read_text(encoding="utf-8")


def test_the_first_page_carries_its_figures_and_the_others_lie_beside_theirs(output: Path) -> None:
    first = (output / "report.html").read_text(encoding="utf-8")
    own = re.findall(r'<img src="([^"]{0,40})', first)
    assert own
    assert all(one.startswith("data:image/webp;base64,") for one in own)
    behind = sorted((output / "report").glob("*.html"))
    form = r'(?:<img src|<object [^>]*data)="([^"]*)"'
    named = [(one, src) for one in behind for src in re.findall(form, one.read_text(encoding="utf-8"))]
    assert len(named) >= 12
    assert all((one.parent / src).is_file() for one, src in named)
    for one in (output / "report.html", *behind):
        text = one.read_text(encoding="utf-8")
        assert not re.search(r'(src|href)="https?:', text)
        assert "nan" not in re.sub(r"<img[^>]*>", "", text).lower().split()


@pytest.mark.parametrize("end", ["", ".zh"])
def test_every_page_is_reached_from_the_first_and_leads_back_to_it(output: Path, end: str) -> None:
    first = (output / f"report{end}.html").read_text(encoding="utf-8")
    behind = {one.name for one in (output / "report").glob("*.html") if one.stem.endswith(".zh") == bool(end)}
    assert set(re.findall(r'href="report/([^"#]*)"', first)) == behind
    for name in behind:
        text = (output / "report" / name).read_text(encoding="utf-8")
        assert f'href="../report{end}.html"' in text
        assert all((output / "report" / link).exists() for link in re.findall(r'href="([^"#]*)"', text)), name


def test_a_switch_on_every_page_leads_to_the_same_page_in_the_other_language(output: Path) -> None:
    behind = [one for one in (output / "report").glob("*.html") if not one.stem.endswith(".zh")]
    for one in (output / "report.html", *behind):
        other = one.with_name(f"{one.stem}.zh.html")
        for page, name, to, code in ((one, other.name, "中文", "zh"), (other, one.name, "English", "en")):
            text = page.read_text(encoding="utf-8")
            assert f'<a href="{name}" lang="{code}" hreflang="{code}">{to}</a>' in text, page.name
            assert f'<html lang="{"en" if code == "zh" else "zh"}">' in text


def test_both_languages_of_a_page_show_the_same_numbers_each_with_figures_of_its_own(output: Path) -> None:
    for one in (output / "report").glob("*.zh.html"):
        told = [page.read_text(encoding="utf-8") for page in (one, one.with_name(one.name.replace(".zh", "")))]
        if not one.name.startswith("exits"):  # whose money and units are the customary ones
            cells = [re.findall(r"<td>(-?[\d.]+)</td>", text) for text in told]
            assert cells[0] == cells[1], one.name
        own = [re.findall(r'<(?:img src|object [^>]*data)="([^"]*)"', text) for text in told]
        assert all((one.parent / src).is_file() for src in chain(*own) if not src.startswith("data:")), one.name
        assert [re.sub(r"\.(zh|en)\b", "", src) for src in own[0]] == [src.replace(".en", "") for src in own[1]], (
            one.name
        )
        assert not set(own[0]) & set(own[1])


def test_the_first_page_asks_three_questions_and_each_answer_has_its_objection(output: Path) -> None:
    first = (output / "report.html").read_text(encoding="utf-8")
    parts = first.split("<h2>")[1:4]
    assert [part.partition("</h2>")[0][-1] for part in parts] == ["?", "?", "?"]
    assert all("<b>But:</b>" in part and "<img" in part for part in parts)
    table = exit_rows("nev").to_dict("records")
    assert table
    for row in table:
        assert all(f"<td>{cell}</td>" in parts[0] for cell in row.values()), row


def test_the_first_page_in_the_other_language_lies_beside_it_with_figures_of_its_own(output: Path) -> None:
    first, other = ((output / f"report{end}.html").read_text(encoding="utf-8") for end in ("", ".zh"))
    assert re.search(r'href="report.zh.html"[^>]*>中文<', first)
    assert re.search(r'href="report.html"[^>]*>English<', other)
    assert 'href="policy_nev.html?lang=en"' in first
    assert 'href="policy_nev.html?lang=zh"' in other
    assert (output / "policy_nev.html").stat().st_size < 1.2e6
    assert '<html lang="en">' in first
    assert '<html lang="zh">' in other
    own = [set(re.findall(r'<img src="([^"]*)"', text)) for text in (first, other)]
    assert len(own[0]) == len(own[1]) > 0
    assert not own[0] & own[1]
    links = [re.findall(r'href="(report/[^"]*)"', text) for text in (first, other)]
    assert [link.replace(".zh", "") for link in links[1]] == links[0]
    assert other.count("<b>但是：</b>") == first.count("<b>But:</b>") > 0
    fonts = [len(re.search(r"font/woff;base64,([^)]*)", text)[1]) for text in (first, other)]  # type: ignore[index]
    assert 0 < 10 * fonts[0] < fonts[1]  # in English for the name of the other language alone


def test_figures_of_a_page_are_numbered_and_captioned(output: Path) -> None:
    for one in [output / "report.html", *(output / "report").glob("*.html")]:
        text = one.read_text(encoding="utf-8")
        numbers = [int(n) for n in re.findall(r"<figcaption><b>(?:Figure |图)(\d+)[.。]?</b> \S", text)]
        assert numbers == list(range(1, text.count("<img") + 1)), one.name


@pytest.mark.parametrize("chinese", [False, True])
def test_the_report_is_small(output: Path, chinese: bool) -> None:
    files = [*output.glob("report*.html"), *(one for one in (output / "report").rglob("*") if one.is_file())]
    own = [one.stat().st_size for one in files if (".zh." in one.name) == chinese]
    assert 0 < sum(own) < 2_000_000


SCREEN = 800  # pixels of height


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize(("width", "screens"), [(1280, 15), (390, 40)])
def test_no_page_scrolls_sideways_or_without_end(output: Path, width: int, screens: int) -> None:
    with tab() as browser:
        browser.size(width, SCREEN)
        for one in (*output.glob("report*.html"), *sorted((output / "report").glob("*.html"))):
            browser.open(one.as_uri(), "document.readyState === 'complete'")
            wide, high = (browser.run(f"document.documentElement.scroll{side}") for side in ("Width", "Height"))
            assert wide <= width, one.name
            assert high <= screens * SCREEN, one.name


PAPER = 680  # pixels between the margins of an A4 sheet
BEYOND = """[...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.textContent.slice(0, 60))"""


@needs_browser
@pytest.mark.parametrize("pages", ["report*.html", pytest.param("report/*.html", marks=pytest.mark.slow)])
def test_no_line_of_a_page_is_cut_on_paper(output: Path, pages: str) -> None:
    with tab() as browser:
        browser.size(PAPER, 960)
        browser.call("Emulation.setEmulatedMedia", media="print")
        for one in sorted(output.glob(pages)):
            browser.open(one.as_uri(), "document.readyState === 'complete'")
            assert browser.run(BEYOND) == [], one.name


AXE = "axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations.map((one) => one.id))"


@needs_browser
@pytest.mark.parametrize("pages", ["report*.html", pytest.param("report/*.html", marks=pytest.mark.slow)])
def test_every_page_passes_the_rules_of_contrast_names_and_keyboard(output: Path, pages: str) -> None:
    rules = resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    with tab() as browser:
        for width in (1280, 390):
            browser.size(width, SCREEN)
            for one in sorted(output.glob(pages)):
                browser.open(one.as_uri(), "document.readyState === 'complete'")
                browser.run(rules)
                assert browser.run(AXE) == [], (one.name, width)


@needs_browser
def test_by_keyboard_alone_a_reader_comes_to_every_link_and_wide_table(output: Path) -> None:
    with tab() as browser:
        browser.size(390, SCREEN)
        browser.open((output / "report.html").as_uri(), "document.readyState === 'complete'")
        wanted = browser.run("document.querySelectorAll('a[href], [tabindex]').length")
        reached = set()
        for _ in range(wanted + 1):
            browser.key("Tab")
            reached.add(browser.run("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
            shown = "getComputedStyle(document.activeElement).outlineStyle"
            assert browser.run(f"document.activeElement === document.body ? 'solid' : {shown}") == "solid"
        assert len(reached - {-1}) >= wanted


def test_the_pages_have_fit_errors_and_estimates_of_every_industry(output: Path, cases: tuple[str, ...]) -> None:
    for case in cases:
        part, targets = page(output, f"fit_{case}"), load_targets(case)
        assert part.count("<img") >= 3
        model = load_case(case).model
        for name in [*(one.name for one in targets.series), *(model.variable(one).name for one in targets.free)]:
            assert f"<td>{name}</td>" in part, name


def test_dates_that_were_fitted_stand_beside_those_recorded(output: Path, cases: tuple[str, ...]) -> None:
    for case in cases:
        for one in load_targets(case).events:
            assert f"<td>{one.name}</td>" in page(output, f"fit_{case}")
    assert any(load_targets(case).events for case in cases)


def test_the_page_says_what_the_data_tell_apart_and_why_no_posterior_is_shown_if_none_is(
    output: Path, cases: tuple[str, ...]
) -> None:
    for case in cases:
        part = page(output, f"trust_{case}")
        found, missing = posteriors_of((case,))
        assert ("posterior draws." in part) == (case in found)
        assert ("No posterior is shown: " in part) == (case in missing)
        for name in load_targets(case).free:
            assert load_case(case).model.variable(name).name in part
        walked = case in asked.Study.load().cases
        for words in ("What hardly moves", "one factor", "half again as high"):
            assert (words in part) == walked, words
        assert ("No ridge was walked: " in part) != walked
        verdicts = pd.read_csv(output / "results" / f"identifiability_{case}_parameters.csv")["verdict"]
        assert all(f"<td>{told}</td>" in part for told in verdicts)


def test_every_result_of_the_new_chapters_lies_in_a_table(output: Path, cases: tuple[str, ...]) -> None:
    for case in cases:
        ridge = ("factors", "factor_errors", "statements") if case in asked.Study.load().cases else ()
        for name in ("parameters", *ridge):
            assert not pd.read_csv(output / "results" / f"identifiability_{case}_{name}.csv").empty
        assert not pd.read_csv(output / "results" / f"residuals_{case}.csv").empty
    table = pd.read_csv(output / "results" / "numerics.csv")
    assert set(table["verdict"]) <= {"holds", "moves"}


def test_every_figure_stands_beside_its_numbers_as_png_svg_and_csv(output: Path) -> None:
    stems = {f.with_suffix("") for f in (output / "figures").iterdir() if f.is_file()}
    assert len(stems) >= 12
    for stem in stems:
        assert all(stem.with_suffix(suffix).stat().st_size > 0 for suffix in (".png", ".svg", ".csv")), stem
        assert not pd.read_csv(stem.with_suffix(".csv")).empty
    again = sorted((output / "figures" / "zh").iterdir())
    assert [one.name for one in again] == sorted(f"{stem.name}.png" for stem in stems)


def test_the_main_job_leaves_no_half_written_file(output: Path) -> None:
    assert not list(output.rglob("*.part"))


@pytest.mark.parametrize("old", ["", "something old\n", "two\nlines\n"])
def test_a_block_is_renewed_whatever_it_holds(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readme, "BLOCKS", {"fit": lambda: "new"})
    page = "before\n<!-- begin fit -->\n{}<!-- end fit -->\nafter"
    assert readme.renewed(page.format(old)) == page.format("new\n")


def test_every_figure_of_the_readme_and_the_pages_is_that_of_the_accepted_fits() -> None:
    for page in readme.pages():
        text = page.read_text(encoding="utf-8")
        assert text == readme.renewed_page(page), f"{page.name}: run `python -m analysis.report.readme`"


def test_every_block_stands_on_one_page() -> None:
    names = [
        name
        for page in readme.pages()
        if page != readme.IN_CHINESE
        for name in re.findall(r"<!-- begin ([\w-]+) -->", page.read_text(encoding="utf-8"))
    ]
    assert sorted(names) == sorted(readme.BLOCKS)


def test_the_readme_in_chinese_has_the_parts_links_and_blocks_of_the_english_one() -> None:
    both = [page.read_text(encoding="utf-8") for page in (readme.pages()[0], readme.IN_CHINESE)]
    heads, links, blocks = (
        [re.findall(form, text, re.MULTILINE) for text in both]
        for form in (r"^#+ ", r"\]\((docs/[^)]*\.md|models/[^)]*)\)", r"<!-- begin ([\w-]+) -->")
    )
    for english, chinese in (heads, links, blocks):
        assert english == chinese
    assert all(f"]({other})" in text for text, other in zip(both, ("README.zh.md", "README.md"), strict=True))


def test_the_picture_shows_the_accepted_fits() -> None:
    assert readme.PICTURE.with_suffix(".png").is_file()
    kept = pd.read_csv(readme.PICTURE.with_suffix(".csv"))
    pd.testing.assert_frame_equal(kept, series_numbers(readme.picture()), check_exact=False, rtol=1e-6)


def test_the_drawing_of_what_may_import_what_is_that_of_the_contracts() -> None:
    assert readme.DRAWING.read_text(encoding="utf-8") == readme.arrows()


@pytest.mark.parametrize("case", ["pv", "nev"])
def test_the_case_file_carries_the_accepted_estimates(case: str) -> None:
    parameters = {name.casefold(): p for name, p in load_case(case).parameters.items()}
    for name, value in load_accepted(case).values.items():
        assert parameters[name.casefold()].value == pytest.approx(value, rel=1e-6)
        assert parameters[name.casefold()].source == f"calibration/results/{case}.toml"


def test_a_calibration_does_not_depend_on_what_was_accepted_before(nev: Calibration) -> None:
    accepted, known = load_accepted("nev"), {one.name: one for one in nev.closed.estimates}
    assert nev.closed.objective == pytest.approx(accepted.objective, abs=0.01)
    for name, value in nev.values.items():  # two ends lie within 0.003 of each other in objective
        near = 0.1 * (known[name].high - known[name].low) if name in known else 0.15 * abs(value)
        assert value == pytest.approx(accepted.values[name], abs=near), name


def test_another_valley_is_told_by_the_parameter_that_lies_furthest_off_even_about_nothing(nev: Calibration) -> None:
    closed = nev.closed
    values = {**closed.values, "appeal step 2013": -0.9}
    other = replace(closed.starts[0], objective_after=closed.objective + 5, values=values)
    words = fit_words(replace(nev, closed=replace(closed, starts=(*closed.starts, other))))
    assert any("where appeal step 2013 is -0.9 rather than" in one for one in words)


def test_the_variants_hold_the_response_at_the_ends_of_its_interval(nev: Calibration) -> None:
    estimate = next(e for e in nev.closed.estimates if e.name == nev.response)
    fresh = accepted_from(nev)
    assert fresh.variants["low"][nev.response] == pytest.approx(estimate.low)
    assert fresh.variants["high"][nev.response] == pytest.approx(estimate.high)
    effects = [next(iter(fresh.effects[v].values())) for v in ("low", "central", "high")]
    assert effects == sorted(effects)


def test_an_accepted_fit_changes_values_and_sources_of_the_case_file_and_nothing_else(nev: Calibration) -> None:
    old = (FOLDER / "cases" / "nev.toml").read_text(encoding="utf-8")
    new = carried(old, nev)
    changed = [a for a, b in zip(old.splitlines(), new.splitlines(), strict=True) if a != b]
    assert all(line.startswith(("value = ", "source = ", "evidence = ")) for line in changed)


@pytest.mark.parametrize(
    ("text", "says"),
    [("case = ", "not readable"), ("case = 'nev'", "not a calibration record"), (None, "no accepted fit")],
)
def test_a_damaged_record_is_refused_by_name(tmp_path: Path, text: str | None, says: str) -> None:
    file = tmp_path / "nev.toml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says) as caught:
        load_accepted("nev", file)
    assert "nev.toml" in str(caught.value)


@pytest.mark.parametrize("name", ["results", "figures"])
def test_a_folder_that_cannot_be_written_is_refused_by_name_before_any_work(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("in the way", encoding="utf-8")
    with pytest.raises(InputError, match=f"{name}: cannot be written"):
        reproduce_all(Folder(tmp_path), starts=1)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [name]


@pytest.mark.parametrize("case", ["pv", "nev"])
def test_accepted_fits_are_of_the_files_that_lie_here(case: str) -> None:
    record = tomllib.loads((RESULTS / f"{case}.toml").read_text(encoding="utf-8"))
    assert record["hashes"] == hashes(case, load_accepted(case).values), f"run `techcycle calibrate {case} --accept`"


@pytest.mark.parametrize("case", ["pv", "nev"])
def test_no_observation_after_the_last_year_enters_a_fit(case: str) -> None:
    targets = load_targets(case)
    assert targets.last_year == 2023
    assert max(s.years.max() for s in map(fitted_series, targets.series)) <= targets.last_year
