"""Reads the few facts that rows are about out of Kubernetes objects and IAM policies. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grading.outcomes import Broke, Done, Outcome, facts
from grading.probes import Extract

AWS_PREFIX = "AWS_"


def ended(pod: Mapping[str, Any]) -> int | str:
    """Exit code of a pod's first container; while it has none, what it waits for."""
    statuses: list[Mapping[str, Any]] = (pod.get("status") or {}).get("containerStatuses") or []
    state: Mapping[str, Any] = (statuses[0].get("state") or {}) if statuses else {}
    if "terminated" in state:
        return int(state["terminated"].get("exitCode", 0))
    return str((state.get("waiting") or {}).get("reason") or "")


def object_facts(found: Mapping[str, Any], extract: Extract, volume: str) -> Outcome:
    """What is asked of an object: see questions.ReadObject."""
    if extract == "annotations":
        return facts(found.get("metadata", {}).get("annotations") or {})
    spec = found.get("spec") or {}
    container: Mapping[str, Any] = (spec.get("containers") or [{}])[0]
    # Values that are not text (valueFrom) are what they are: not what EKS writes.
    given = {each["name"]: each.get("value") for each in container.get("env") or []}
    ours = {name: value for name, value in given.items() if name.startswith(AWS_PREFIX)}
    if extract == "env":
        return facts(ours)
    if extract == "tokens":
        holding = [each["name"] for each in spec.get("volumes") or [] if _tokens(each)]
        return facts({"volumes": sorted(holding), "variables": sorted(ours)})
    listed = spec.get("volumes") if extract == "volume" else container.get("volumeMounts")
    wanted = [each for each in listed or [] if each.get("name") == volume]
    if not wanted:
        return Broke(f"There is no {extract} {volume}.")
    return facts(wanted[0]) if extract == "mount" else _projected(wanted[0])


def _tokens(volume: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    sources = (volume.get("projected") or {}).get("sources") or []
    return [source["serviceAccountToken"] for source in sources if "serviceAccountToken" in source]


def _projected(volume: Mapping[str, Any]) -> Done | Broke:
    sources = (volume.get("projected") or {}).get("sources") or []
    tokens = _tokens(volume)
    if len(sources) != 1 or len(tokens) != 1:
        return Broke(f"The volume {volume.get('name')} is not one projected token.")
    return facts(tokens[0])


def trust(document: Mapping[str, Any]) -> Done:
    """A trust policy, flat: who (principals) may do what (actions) on which conditions; each list sorted.

    What is not Allow, and what names principals or actions by exclusion, shows as a line of its own, so that it can
    never look like a plain grant. The member `policy` is the document itself, and is not shown.
    """
    who: list[str] = []
    what: list[str] = []
    conditions: list[str] = []
    for statement in _listed(document.get("Statement")):
        if statement.get("Effect") != "Allow":
            who.append(f"{statement.get('Effect')}: {statement.get('Principal')}")
        principal = statement.get("Principal")
        if isinstance(principal, dict):
            who.extend(f"{kind}: {one}" for kind, ones in principal.items() for one in _listed(ones))
        elif principal is not None:
            who.append(str(principal))
        who.extend(f"NotPrincipal: {one}" for one in _listed(statement.get("NotPrincipal")))
        what.extend(str(one) for one in _listed(statement.get("Action")))
        what.extend(f"NotAction: {one}" for one in _listed(statement.get("NotAction")))
        for operator, keys in (statement.get("Condition") or {}).items():
            conditions.extend(f"{operator} {key}: {one}" for key, ones in keys.items() for one in _listed(ones))
    told = facts({"principals": sorted(who), "actions": sorted(what), "conditions": sorted(conditions)})
    return Done({**told.value, "policy": dict(document)}, told.shown)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
