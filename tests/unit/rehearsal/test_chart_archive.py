"""What is read of a chart's archive, and the empty chart that stands for one that cannot be had."""

import time

import pytest

from rehearsal.charts import archive
from rehearsal.charts.archive import RECORDED, NotAChart, empty, read
from tests.charts import tgz

ABOUT = "apiVersion: v2\nname: one\nversion: 1.0.0\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no archive", "no gzipped tar"),
        (tgz({"values.yaml": ""}), r"no Chart\.yaml"),
        (tgz({"Chart.yaml": "a: [", "values.yaml": ""}), "not YAML"),
        (tgz({"Chart.yaml": "- a list"}), "no mapping"),
        (tgz({"Chart.yaml": ABOUT, "values.schema.json": "{"}), "not JSON"),
        (tgz({"Chart.yaml": ABOUT})[:-20], "no gzipped tar"),
    ],
)
def test_what_is_no_chart_is_refused(data: bytes, said: str):
    with pytest.raises(NotAChart, match=said):
        read(data)


def test_an_archive_may_not_grow_without_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 20 * 1024)
    read(tgz({"Chart.yaml": ABOUT, "small": "x" * 1024}))
    with pytest.raises(NotAChart, match="more than"):
        read(tgz({"Chart.yaml": ABOUT, "big": "x" * 20 * 1024}))


def test_the_empty_chart_says_what_it_is_and_is_the_same_each_time(monkeypatch: pytest.MonkeyPatch):
    made = read(empty("grafana", "1.2.3"))
    assert (made.name, made.version) == ("grafana", "1.2.3")
    assert made.metadata["annotations"] == {RECORDED: "its chart could not be had"}
    assert not made.templates
    now = empty("grafana", "1.2.3")
    monkeypatch.setattr(time, "time", lambda: 1e9)
    assert empty("grafana", "1.2.3") == now
