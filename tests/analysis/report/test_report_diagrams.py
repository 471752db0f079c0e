"""The diagrams of all sectors stand on the pages of structure."""

from xml.etree import ElementTree

from analysis.report.page import structures
from models.case import CASES, load_case


def test_every_sector_of_a_case_is_drawn_once_with_what_its_case_shares_or_on_a_page_of_its_own() -> None:
    drawn = structures()
    for case in CASES:
        sectors = {one.group for one in load_case(case).model.variables.values()} - {"Control", ""}
        assert sectors == {*drawn["core"], *drawn[case]}
        assert not set(drawn["core"]) & set(drawn[case])
    for svg in (svg for own in drawn.values() for svg in own.values()):
        assert ElementTree.fromstring(svg).tag.endswith("svg")
