"""Which values a chart knows, by its values.yaml, its schema and its templates."""

import json
from typing import Any

import pulumi
import pytest

from rehearsal.charts.archive import read
from rehearsal.charts.values import unknown
from tests.charts import packed, tgz

ABOUT = "apiVersion: v2\nname: one\nversion: 1.0.0\n"


def chart(values: str = "", templates: str = "", about: str = ABOUT, more: dict[str, str | bytes] | None = None):
    files: dict[str, str | bytes] = {"Chart.yaml": about, "values.yaml": values, "templates/all.yaml": templates}
    return read(tgz(files | (more or {})))


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"replicas": 3, "service": {"port": 8080}}, []),
        ({"replica": 3}, ["replica"]),
        ({"service": {"prot": 1, "port": 2}}, ["service.prot"]),
        # An empty mapping, and what the templates range over: anything may stand there.
        ({"annotations": {"any": {"thing": 1}}, "service": {"labels": {"new": "1"}}}, []),
        ({"a": 1, "service": {"b": 1}}, ["a", "service.b"]),
    ],
)
def test_a_key_that_values_yaml_lacks_is_unknown(values: dict[str, Any], wrong: list[str]):
    assert unknown(read(packed("web")), values) == wrong


def test_below_null_and_what_is_handed_on_anything_may_stand():
    one = chart(
        "nothing: null\nwhole: {a: 1}\nwith: {a: 1}\nini.file: {a: 1}\nclosed: {a: 1}\n",
        "{{ toYaml .Values.whole }}{{- with .Values.with }}x: {{- toYaml . | nindent 2 }}{{ end }}"
        '{{ range $k, $v := index .Values "ini.file" }}{{ end }}{{ .Values.closed.a }}',
    )
    free = {"nothing": {"x": 1}, "whole": {"x": {"y": 1}}, "with": {"x": 1}, "ini.file": {"x": {}}}
    assert unknown(one, {**free, "closed": {"x": 1}}) == ["closed.x"]


def test_what_templates_alone_name_is_known():
    one = chart("", "{{ if .Values.deep.er }}{{ .Values.deep.er.est }}{{ end }}")
    assert unknown(one, {"deep": {"er": {"est": 1, "esst": 1}}, "flat": 1}) == ["deep.er.esst", "flat"]


def test_a_schema_tells_what_is_known_where_the_defaults_do_not():
    schema = {
        "additionalProperties": True,
        "definitions": {"image": {"type": "object", "properties": {"tag": {}}}},
        "properties": {
            "image": {"$ref": "#/definitions/image"},
            "either": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"name": {}}}]},
            "open": {"type": "object"},
        },
    }
    one = chart(more={"values.schema.json": json.dumps(schema)})
    given = {"image": {"tag": 1, "tga": 1}, "either": {"name": 1, "nmae": 1}, "open": {"x": 1}, "opne": {}}
    assert unknown(one, given) == ["image.tga", "either.nmae", "opne"]


def test_a_sub_chart_knows_its_own_values_and_what_the_chart_above_gives_it():
    below = "apiVersion: v2\nname: two\nversion: 1.0.0\n"
    about = ABOUT + "dependencies:\n- {name: two, alias: second, condition: second.enabled}\n- {name: three}\n"
    one = chart(
        "second: {given: 1}\n",
        about=about,
        more={
            "charts/two/Chart.yaml": below,
            "charts/two/values.yaml": "own: {deep: 1}\n",
            "charts/three-1.0.0.tgz": tgz({"Chart.yaml": below.replace("two", "three"), "values.yaml": "size: 1\n"}),
        },
    )
    right = {"given": 2, "enabled": True, "own": {"deep": 2}, "global": {"any": 1}}
    assert unknown(one, {"second": right, "three": {"size": 2}, "global": {"any": 1}}) == []
    wrong = {"second": {"own": {"deeep": 1}, "givne": 1}, "three": {"sise": 1}}
    assert unknown(one, wrong) == ["second.own.deeep", "second.givne", "three.sise"]


def test_an_output_is_a_value_like_any_other():
    assert unknown(read(packed("web")), {"image": pulumi.Output.from_input("x"), "imgae": 1}) == ["imgae"]
