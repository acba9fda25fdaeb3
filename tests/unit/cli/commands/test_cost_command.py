"""`lab cost`: what it shows, when AWS is asked, and how it ends."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore.exceptions import ProfileNotFound
from grimp import build_graph
from typer.testing import CliRunner

from cli.commands import cost
from cli.views import cost as views
from clients import aws as aws_clients
from infra.config.loading import LabConfig, parse
from operations.cost.prices import price_list_api
from operations.cost.prices.model import Item, Key, Price, Source
from stacks.errors import BadInput, CannotAsk
from stacks.stack import Stack

SEOUL = "ap-northeast-2"


def stack(name: str = "dev", file: Path = Path("/nonexistent"), region: str = SEOUL, **values: object) -> Stack:
    return Stack(name, file, parse(values, region))


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tier of support depends on the day."""
    monkeypatch.setattr(views, "_now", lambda: datetime(2026, 9, 1, tzinfo=UTC))


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """AWS's answers, and with which profile it was asked; nothing leaves the machine."""
    seen: dict[str, Any] = {"answers": price_list_api.Answers(), "asked": None}

    def clients(profile: str | None, region: str) -> Any:
        seen["profile"], seen["region"] = profile, region
        if "raises" in seen:
            raise seen["raises"]
        return None

    def ask(keys: set[Key], region: str, zones: Any, client: Any, now: Any) -> price_list_api.Answers:
        seen["asked"], seen["zones"] = set(keys), zones
        return seen["answers"]

    monkeypatch.setattr(aws_clients, "clients", clients)
    monkeypatch.setattr(price_list_api, "ask", ask)
    return seen


def run(monkeypatch: pytest.MonkeyPatch, chosen: Stack, *arguments: str) -> Any:
    monkeypatch.setattr(cost, "load", lambda _name: chosen)
    app = typer.Typer()
    cost.register(app)
    return CliRunner().invoke(app, list(arguments))


def as_json(monkeypatch: pytest.MonkeyPatch, chosen: Stack, *arguments: str) -> dict[str, Any]:
    ended = run(monkeypatch, chosen, "--json", *arguments)
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def test_the_rehearsal_asks_nobody_and_says_so(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any]):
    ended = run(monkeypatch, stack("rehearsal"))
    assert live["asked"] is None
    assert "Here it costs nothing." in ended.output
    assert "from the project's table: this is the rehearsal, which asks AWS nothing." in ended.output
    told = as_json(monkeypatch, stack("rehearsal"))
    assert {row["source"] for row in told["rows"]} == {"table"}
    assert live["asked"] is None


def test_a_row_has_price_unit_source_and_date(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any]):
    ended = run(monkeypatch, stack())
    (line,) = [text for text in ended.output.splitlines() if text.startswith("3 nodes")]
    assert " ".join(line.split()) == "3 nodes, t3.medium, on demand 3 0.052 a hour 0.1560 3.74 113.88 table 2025-11-04"
    (total,) = [text for text in ended.output.splitlines() if text.startswith("in all")]
    assert total.split() == ["in", "all", "0.4188", "10.05", "305.73"]
    assert "about 0.42 USD an hour, 10.05 a day, 306 if forgotten for a month" in ended.output


def test_hours_add_a_column(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any]):
    ended = run(monkeypatch, stack(), "--hours", "8")
    (total,) = [text for text in ended.output.splitlines() if text.startswith("in all")]
    assert total.split() == ["in", "all", "0.4188", "10.05", "305.73", "3.35"]
    told = as_json(monkeypatch, stack(), "--hours", "8")
    assert told["hours"] == 8
    assert told["total"]["forHours"] == pytest.approx(3.35047, abs=1e-4)
    assert "forHours" not in as_json(monkeypatch, stack())["total"]


def test_hours_beyond_a_month_see_the_extended_support_that_begins_then(
    monkeypatch: pytest.MonkeyPatch, live: dict[str, Any]
):
    """Standard support of 1.34 ends 93 days after the day of these tests."""
    chosen = stack(kubernetesVersion="1.34", supportType="EXTENDED")
    assert "extended support" not in run(monkeypatch, chosen).output
    told = as_json(monkeypatch, chosen, "--hours", str(24 * 100))
    (row,) = [row for row in told["rows"] if row["component"] == "extended-support"]
    assert (row["hourly"], row["monthly"], row["fromHours"]) == (0, 0, 24 * 93)
    assert row["forHours"] == pytest.approx(7 * 24 * 0.5)


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf", "9000"])
def test_hours_that_make_no_sense_are_bad_input(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any], hours: str):
    ended = run(monkeypatch, stack(), "--hours", hours)
    assert isinstance(ended.exception, BadInput)
    assert "--hours" in str(ended.exception)
    assert live["asked"] is None


def test_live_prices_go_over_the_tables_row_by_row(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any]):
    today = date(2026, 11, 24)
    nat = Key(Item.NAT_GATEWAY)
    live["answers"] = price_list_api.Answers(
        {Key(Item.INSTANCE, "t3.medium"): Price(0.06, Source.LIVE, today, "page")}, {nat: "ThrottlingException"}
    )
    chosen = stack(natGateway=True)
    told = {row["component"]: row for row in as_json(monkeypatch, chosen)["rows"]}
    assert (told["nodes"]["price"], told["nodes"]["source"], told["nodes"]["seen"]) == (0.06, "live", "2026-11-24")
    assert (told["nat-gateway"]["source"], told["nat-gateway"]["hourly"]) == ("table", 0.059)
    assert (
        "Prices that are not live are from the project's table: ThrottlingException (nat-gateway)."
        in run(monkeypatch, chosen).output
    )


def test_reasons_are_told_once_each(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any]):
    unanswered = dict.fromkeys((Key(Item.NAT_GATEWAY), Key(Item.KMS_KEY)), "several prices")
    live["answers"] = price_list_api.Answers({}, {**unanswered, Key(Item.PUBLIC_IPV4): "no such item"})
    told = as_json(monkeypatch, stack())["notLive"]
    assert told == "several prices (nat-gateway, kms-key); no such item (public-ipv4)"


def test_all_prices_live_need_no_word_about_the_table(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any]):
    as_json(monkeypatch, stack())
    price = Price(1.0, Source.LIVE, date(2026, 11, 24), "page")
    live["answers"] = price_list_api.Answers(dict.fromkeys(live["asked"], price))
    ended = run(monkeypatch, stack())
    assert "table" not in ended.output
    assert "live 2026-11-24" in ended.output


def test_it_asks_for_the_labs_things_and_for_those_of_the_alternatives(
    monkeypatch: pytest.MonkeyPatch, live: dict[str, Any]
):
    run(monkeypatch, stack())
    assert Key(Item.SPOT_INSTANCE, "t3.medium") in live["asked"]
    assert Key(Item.NAT_GATEWAY) not in live["asked"]
    assert live["zones"] == ("ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c")


@pytest.mark.parametrize("profile", ["study", None])
def test_the_stacks_own_profile_is_used(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any], profile: str | None):
    run(monkeypatch, replace(stack(), profile=profile))
    assert (live["profile"], live["region"]) == (profile, SEOUL)


def test_a_profile_that_does_not_exist_leaves_the_table(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any]):
    live["raises"] = ProfileNotFound(profile="study")
    ended = run(monkeypatch, stack())
    assert ended.exit_code == 0
    assert "from the project's table: The config profile (study) could not be found." in ended.output


def test_what_has_no_price_is_named_and_the_sum_is_a_lower_bound(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any]):
    group = {"instanceTypes": ["m8i.large"]}
    ended = run(monkeypatch, stack(nodeGroup=group))
    assert "No price known, so not counted: 3 nodes, m8i.large, on demand." in ended.output
    assert "Left running: at least 0.26 USD an hour" in ended.output
    told = as_json(monkeypatch, stack(nodeGroup=group))
    assert told["notCounted"] == [{"component": "nodes", "what": "3 nodes, m8i.large, on demand"}]


def test_no_price_at_all_could_not_be_asked(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any]):
    live["answers"] = price_list_api.Answers({}, {Key(Item.KMS_KEY): "there are no AWS credentials"})
    elsewhere = Stack("dev", Path("/nonexistent"), LabConfig(region="eu-south-2"))
    ended = run(monkeypatch, elsewhere)
    assert isinstance(ended.exception, CannotAsk)
    assert "eu-south-2: there are no AWS credentials" in str(ended.exception)


def test_savings_are_shown(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any]):
    ended = run(monkeypatch, stack())
    (line,) = [text for text in ended.output.splitlines() if text.startswith("nodeGroup.capacityType: SPOT")]
    assert "-0.0936" in line
    assert "60% below on demand" in line
    told = as_json(monkeypatch, stack())
    assert told["savings"][0]["setting"] == "nodeGroup.capacityType: SPOT"
    assert told["savings"][-1]["hourly"] == pytest.approx(0.223873, abs=1e-5)


def test_the_rows_make_the_sum(monkeypatch: pytest.MonkeyPatch, live: dict[str, Any]):
    told = as_json(monkeypatch, stack(natGateway=True), "--hours", "100")
    for name in ("hourly", "daily", "monthly", "forHours"):
        assert told["total"][name] == pytest.approx(sum(row[name] for row in told["rows"]), abs=1e-4)


def test_the_program_that_the_engine_runs_loads_no_prices():
    """`pulumi up` pays for every import at its start."""
    graph = build_graph("infra", "components")
    loaded = graph.find_upstream_modules("infra.stack")
    assert "infra.config.loading" in loaded
    assert not {
        module for module in loaded if module.startswith(("operations.cost.estimate", "operations.cost.prices"))
    }
