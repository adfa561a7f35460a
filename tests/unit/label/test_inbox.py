"""Lines of an inbox: whole ones only, from where the last look ended, and what is wrong with each."""

from __future__ import annotations

from pathlib import Path

from dbx_dl.label.inbox import _load_positions, _parse, _read_lines, _save_positions
from dbx_dl.label.rules import LabelRules
from tests.label_events import make_event


def test_lines_are_read_once_they_are_whole(tmp_path: Path) -> None:
    file = tmp_path / "ann.jsonl"
    file.write_bytes(b"first\n\nsec")
    (tmp_path / "other.txt").write_text("nothing\n")
    (line,) = _read_lines(tmp_path, {})
    assert (line.text, line.number_from, line.end) == (b"first\n", 0, 6)
    file.write_bytes(b"first\n\nsecond\nthird\n")
    assert [line.text for line in _read_lines(tmp_path, {"ann.jsonl": line.end})] == [b"second\n", b"third\n"]
    file.write_bytes(b"new\n")
    assert [line.text for line in _read_lines(tmp_path, {"ann.jsonl": 14})] == [b"new\n"]


def test_every_line_is_an_event_or_a_problem(tmp_path: Path) -> None:
    same = make_event("1").model_dump_json()
    other = make_event("1", label="dog").model_dump_json()
    again = make_event("1", minutes=3).model_dump_json()  # as a page stamps what it sent before a restart
    text = "\n".join([same, "{}", again, same, other, "no json", make_event("2", label="cow").model_dump_json()]) + "\n"
    (tmp_path / "ann.jsonl").write_text(text)
    events, problems = _parse(list(_read_lines(tmp_path, {})), LabelRules("classes", ("cat", "dog")))
    assert events == [make_event("1")]
    expected = (
        "label_id: Field required",
        "another event has the id 1",
        "Invalid JSON",
        "'cow' is none of the classes",
    )
    assert len(problems) == len(expected)
    assert all(text in problem for text, problem in zip(expected, problems, strict=True))
    assert all(problem.startswith("ann.jsonl, byte ") for problem in problems)


def test_positions_survive_and_broken_ones_count_as_none(tmp_path: Path) -> None:
    marks = tmp_path / "ingested" / "table.json"
    assert _load_positions(marks) == {}
    _save_positions(marks, {"ann.jsonl": 7})
    assert _load_positions(marks) == {"ann.jsonl": 7}
    assert [path.name for path in marks.parent.iterdir()] == ["table.json"]
    marks.write_text("{oops")
    assert _load_positions(marks) == {}
