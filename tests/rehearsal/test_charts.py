"""Where a chart comes from: its directory, a repository on loopback, the world, or nowhere."""

import hashlib
import threading
import time
from pathlib import Path

import pytest
import yaml

from rehearsal.charts.archive import RECORDED, read
from rehearsal.charts.directory import ChartError, Charts
from rehearsal.charts.repository import NotHad, Pin, entry_of
from tests.charts import Repository, packed, repository, tgz

WEB = packed("web")


class Place:
    """A directory of charts, a world's shelf and a repository, all of one test."""

    def __init__(self, root: Path, served: Repository) -> None:
        self.directory = root / "charts"
        self.shelf = root / "world" / "charts"
        self.served = served
        self.said: list[str] = []

    @property
    def pin(self) -> Pin:
        return Pin("web", "1.0.0", self.served.url)

    def charts(self, answer_within: float = 5.0) -> Charts:
        """As a new command opens them."""
        return Charts(self.shelf, self.said.append, answer_within)

    def keep(self, data: bytes) -> None:
        self.directory.mkdir(exist_ok=True)
        (self.directory / "web-1.0.0.tgz").write_bytes(data)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MYEKS_LAB_CHARTS", str(tmp_path / "charts"))
    monkeypatch.delenv("MYEKS_LAB_OFFLINE", raising=False)
    with repository() as served:
        yield Place(tmp_path, served)


def test_what_the_directory_has_is_taken_and_nobody_is_asked(place: Place):
    place.keep(WEB)
    place.served.offer("web", "1.0.0", packed("kinds", "web"))
    charts = place.charts()
    charts.begin([place.pin])
    had = charts.had(place.pin)
    assert had.path.read_bytes() == WEB
    assert had.chart
    assert (place.served.asked, place.said) == ([], [])


def test_what_it_lacks_is_pulled_once_and_kept(place: Place):
    place.served.offer("web", "0.9.0", packed("kinds", "web", "0.9.0"))
    place.served.offer("web", "1.0.0", WEB)
    pin = Pin("web", "1.0.0", place.served.url + "/", hashlib.sha256(WEB).hexdigest())
    first = place.charts().had(pin)
    assert first.path.read_bytes() == (place.directory / "web-1.0.0.tgz").read_bytes() == WEB
    assert place.served.asked == ["/index.yaml", "/web-1.0.0.tgz"]
    assert "pulled from" in place.said[0]
    assert place.charts().had(pin).path == first.path
    assert len(place.served.asked) == 2
    assert sorted(path.name for path in place.directory.iterdir()) == ["web-1.0.0.tgz"]


@pytest.mark.parametrize("which", ["pinned", "index", "neither"])
def test_an_archive_of_another_digest_is_not_taken(place: Place, which: str):
    other = hashlib.sha256(b"other").hexdigest()
    place.served.offer("web", "1.0.0", WEB, other if which == "index" else "")
    had = place.charts().had(Pin("web", "1.0.0", place.served.url, other if which == "pinned" else ""))
    if which == "neither":
        assert had.chart
        return
    assert had.chart is None
    assert other in place.said[0]
    assert which in place.said[0]
    assert not place.directory.exists()


def test_a_chart_that_nobody_has_is_recorded(place: Place):
    place.served.offer("other", "1.0.0", WEB)
    charts = place.charts()
    had = charts.had(place.pin)
    assert had.chart is None
    stand_in = read(had.path.read_bytes())
    assert (stand_in.name, stand_in.version) == ("web", "1.0.0")
    assert RECORDED in stand_in.metadata["annotations"]
    assert place.said == [f"chart web 1.0.0 is recorded only: {place.served.url} has no web 1.0.0"]
    assert charts.is_recorded(str(had.path))
    # The next run is given the same one, by the same path, and nothing is said twice.
    assert place.charts().had(place.pin).path == had.path
    assert len(place.said) == 1


def test_a_repository_that_refuses_is_told(place: Place):
    assert place.charts().had(Pin("web", "1.0.0", "http://127.0.0.1:9")).chart is None
    assert "http://127.0.0.1:9 could not be read (" in place.said[0]
    assert "refused" in place.said[0]
    assert place.charts().had(Pin("kinds", "1.0.0", "file:///etc")).chart is None
    assert "not an address of HTTP" in place.said[1]


def test_a_silent_repository_is_waited_for_once_for_all_charts(place: Place):
    place.served.silent = threading.Event()
    pins = [place.pin, Pin("kinds", "1.0.0", place.served.url), Pin("hooks", "1.0.0", place.served.url)]
    charts = place.charts(answer_within=0.5)
    began = time.monotonic()
    charts.begin(pins)
    assert [charts.had(pin).chart for pin in pins] == [None, None, None]
    assert 0.4 < time.monotonic() - began < 1.2
    assert "did not answer within 0.5 s" in place.said[0]


def test_offline_nobody_is_asked(place: Place, monkeypatch: pytest.MonkeyPatch):
    place.served.offer("web", "1.0.0", WEB)
    monkeypatch.setenv("MYEKS_LAB_OFFLINE", "1")
    charts = place.charts()
    charts.begin([place.pin])
    assert charts.had(place.pin).chart is None
    assert place.served.asked == []
    assert "MYEKS_LAB_OFFLINE is set" in place.said[0]


def test_another_archive_is_another_path_and_a_lost_one_stays(place: Place):
    recorded = place.charts().had(place.pin)
    place.keep(WEB)
    first = place.charts().had(place.pin)
    place.keep(packed("kinds", "web"))
    second = place.charts().had(place.pin)
    assert len({recorded.path, first.path, second.path}) == 3
    (place.directory / "web-1.0.0.tgz").unlink()
    place.served.asked.clear()
    charts = place.charts()
    charts.begin([place.pin])
    assert charts.had(place.pin).path == second.path
    # The one before, used again, is the last one now.
    place.keep(WEB)
    time.sleep(0.02)
    assert place.charts().had(place.pin).path == first.path
    (place.directory / "web-1.0.0.tgz").unlink()
    assert place.charts().had(place.pin).path == first.path
    assert place.served.asked == []


@pytest.mark.parametrize(("data", "said"), [(b"cut off", "no gzipped tar"), (packed("kinds"), r"holds kinds 1\.0\.0")])
def test_a_file_that_is_not_that_chart_is_an_error_that_names_it(place: Place, data: bytes, said: str):
    place.keep(data)
    with pytest.raises(ChartError, match=said) as refused:
        place.charts().had(place.pin)
    assert str(place.directory / "web-1.0.0.tgz") in str(refused.value)


def test_a_pulled_file_that_is_no_chart_is_not_kept(place: Place):
    place.served.offer("web", "1.0.0", tgz({"values.yaml": ""}))
    assert place.charts().had(place.pin).chart is None
    assert "no Chart.yaml" in place.said[0]
    assert not place.directory.exists()


@pytest.mark.parametrize("indent", [True, False], ids=["as Helm writes it", "in another layout"])
def test_an_index_is_read_in_any_layout(indent: bool):
    entries = {
        name: [
            {"version": v, "urls": [f"{name}-{v}.tgz"], "description": "version: 1.0.0"} for v in ("1.0.10", "1.0.0")
        ]
        for name in ("a", "web", "z")
    }
    index = {"apiVersion": "v1", "entries": entries}
    text = yaml.safe_dump(index) if indent else f"--- {yaml.safe_dump(index, default_flow_style=True)}"
    found = entry_of(text.encode(), "web", "1.0.0")
    assert found
    assert found["urls"] == ["web-1.0.0.tgz"]
    assert entry_of(text.encode(), "web", "1.0.1") is None
    assert entry_of(text.encode(), "we", "1.0.0") is None


def test_what_is_no_index_is_told():
    with pytest.raises(NotHad, match="no index"):
        entry_of(b"<html>not found</html>", "web", "1.0.0")
