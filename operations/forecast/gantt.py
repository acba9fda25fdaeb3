"""A forecast drawn as an SVG Gantt chart, for a page or a chat: the terminal's bars are the command line's own."""

from typing import Final
from xml.etree import ElementTree

from operations.forecast.critical_path import Bar, Schedule
from operations.forecast.resource_graph import type_of

ROW: Final = 16
LABELS: Final = 330
CHART: Final = 640
PAD: Final = 24
COLOURS: Final = {True: "#c0392b", False: "#7f8c8d"}
"""On the critical path, or beside it."""


def label(urn: str) -> str:
    """`eks NodeGroup nodes`: service, kind and name of a resource."""
    package, module, kind = type_of(urn).split(":")
    service = module.split("/")[0] if package == "aws" else package
    return f"{service} {kind} {urn.split('::')[-1]}"


def shown(schedule: Schedule, least: float) -> tuple[Bar, ...]:
    """The bars worth a row: all of the critical path, and what takes at least `least` seconds."""
    return tuple(bar for bar in schedule.bars if bar.critical or bar.end - bar.start >= least)


def svg(title: str, schedule: Schedule, least: float = 5) -> str:
    """The chart as an SVG document; a bar's title tells its seconds."""
    bars = shown(schedule, least)
    scale = CHART / (schedule.seconds or 1)
    height = PAD * 2 + ROW * (len(bars) + 1)
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {LABELS + CHART + 2 * PAD} {height}",
            "font-family": "sans-serif",
            "font-size": "11",
        },
    )
    _text(root, PAD, PAD, f"{title}: {schedule.seconds / 60:.1f} min").set("font-weight", "bold")
    bottom = PAD + ROW * (len(bars) + 1)
    for minute in range(0, int(schedule.seconds // 60) + 1, 2):
        x = PAD + LABELS + minute * 60 * scale
        line = {"x1": f"{x:.1f}", "x2": f"{x:.1f}", "y1": str(PAD + 6), "y2": str(bottom), "stroke": "#ddd"}
        ElementTree.SubElement(root, "line", line)
        _text(root, x, bottom + 12, f"{minute} min")
    for number, bar in enumerate(bars, 1):
        y = PAD + ROW * number
        _text(root, PAD, y + 10, label(bar.urn))
        box = {
            "x": f"{PAD + LABELS + bar.start * scale:.1f}",
            "y": str(y),
            "width": f"{max((bar.end - bar.start) * scale, 1):.1f}",
            "height": str(ROW - 4),
            "fill": COLOURS[bar.critical],
        }
        rect = ElementTree.SubElement(root, "rect", box)
        ElementTree.SubElement(rect, "title").text = f"{bar.end - bar.start:.0f} s from {bar.start:.0f} s"
    return ElementTree.tostring(root, encoding="unicode")


def _text(root: ElementTree.Element, x: float, y: float, text: str) -> ElementTree.Element:
    found = ElementTree.SubElement(root, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}"})
    found.text = text
    return found
