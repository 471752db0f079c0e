"""The diagrams of all sectors stand on the pages of structure."""

import re
from xml.etree import ElementTree

from analysis.report.page import structures
from models.case import CASES, load_case


def test_every_sector_of_a_case_is_drawn_once_with_what_its_case_shares_or_on_a_page_of_its_own() -> None:
    drawn = structures("en")
    for case in CASES:
        sectors = {one.group for one in load_case(case).model.variables.values()} - {"Control", ""}
        assert sectors == {*drawn["core"], *drawn[case]}
        assert not set(drawn["core"]) & set(drawn[case])
    for svg in (svg for own in drawn.values() for svg in own.values()):
        assert ElementTree.fromstring(svg).tag.endswith("svg")


def test_diagrams_of_chinese_pages_name_every_variable_and_sector_in_chinese() -> None:
    shown = {word.text or "" for own in structures("zh").values() for svg in own.values()
             for word in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}  # fmt: skip
    assert {"知识存量", "熟悉度"} & shown
    assert [one for one in shown if re.search("[a-z]{3}", one)] == []
