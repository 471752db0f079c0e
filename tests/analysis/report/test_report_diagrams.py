"""The diagrams of all sectors can stand on one page."""

import re
from xml.etree import ElementTree

from analysis.report.page import sectors
from models.case import CASES, load_case


def test_every_sector_is_drawn_and_names_no_arrow_head_of_another() -> None:
    seen: set[str] = set()
    for case in CASES:
        drawn = sectors(case)
        assert set(drawn) == {one.group for one in load_case(case).model.variables.values()} - {"Control", ""}
        for svg in drawn.values():
            own = {node.attrib["id"] for node in ElementTree.fromstring(svg).iter() if "id" in node.attrib}
            assert len(own) == 2 and not own & seen
            assert set(re.findall(r"url\(#([^)]*)\)", svg)) <= own
            seen |= own
