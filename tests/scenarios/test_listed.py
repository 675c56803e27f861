"""The reference's scenarios that are promised have each a test of their number."""

import re
from pathlib import Path

BEGINNING = {1, 3, 5, 6, 7, 8, 9, 13, 26, 36, 37, 44, 45, 52, 53, 60, 85, 98}
UNDER_WAY = {192, 197, 198, 200, 202, 204, 205, 207, 208, 209, 210, 211}
CLOSED_AND_SET_UP = {219, 221, 227, 229, 230, 232, 240}
TASKS = {
    *{14, 15, 16, 57, 110, 134, 135, 136, 141, 142, 143, 145, 146, 148, 150, 153, 155, 156, 161, 162, 163, 164},
    *{111, 165, 166, 167, 168, 170, 171, 172, 174, 175, 177, 179, 180, 214, 217, 226},
}
CONTACTS = {89, 92, 93, 94, 95, 100, 101, 103, 104, 105, 106, 107, 114, 116, 117, 118, 119, 140, 158}
INTERACTIONS = {25, 120, 121, 123, 125, 126, 127, 130, 131, 133, 152, 154, 159}
LISTED = BEGINNING | UNDER_WAY | CLOSED_AND_SET_UP | TASKS | CONTACTS | INTERACTIONS


def test_every_listed_scenario_has_a_test_of_its_number():
    text = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    tested = {int(number) for number in re.findall(r"^def test_s(\d{3})_", text, re.MULTILINE)}
    assert sorted(LISTED - tested) == []


def test_every_difference_that_a_scenario_names_is_explained():
    decisions = (Path(__file__).parents[2] / "docs" / "decisions.md").read_text()
    text = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    named = re.findall(r"decisions\.md,\s+“([^”]+)”", text)
    assert [title for title in named if f"**{title}" not in decisions] == []
    assert len(named) > 5
