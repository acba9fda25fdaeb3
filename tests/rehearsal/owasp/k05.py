"""K05 repaired by hand: rules that still miss a way of the attack or fire on ordinary work, and right ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from exercises.k05.watching import DETECTIONS, NAMESPACE
from exercises.objects import at_stage, identity
from tests.rehearsal.owasp.case import Case

Detection = dict[str, Any]

_LOG: Final = {"product": "kubernetes", "service": "audit"}
_WORKLOAD: Final = {"user.username|startswith": "system:serviceaccount:"}
_PLATFORM: Final = {"user.username|startswith": "system:serviceaccount:kube-system:"}
_WHO: Final[Mapping[str, Any]] = {"workload": _WORKLOAD, "platform": _PLATFORM}
_SECRETS: Final = {"verb": ["list", "watch"], "objectRef.resource": "secrets"}
_TOKEN: Final = {"verb": "create", "objectRef.resource": "serviceaccounts", "objectRef.subresource": "token"}
_EXEC: Final = {"objectRef.resource": "pods", "objectRef.subresource": "exec"}
_DISK: Final = {"requestObject.spec.volumes|contains": '"hostPath":'}
_PRIVILEGED: Final = {"requestObject.spec.containers|contains": '"privileged":true'}
_NO_RULE: Final = "title: [this is no rule"


def _rule(condition: str, **detection: Any) -> str:
    """A rule as JSON, which is YAML too."""
    rule = {"title": "a rule", "logsource": _LOG, "detection": {**detection, "condition": condition}}
    return json.dumps(rule)


def _by_workload(**detection: Any) -> str:
    return _rule(f"{next(iter(detection))} and workload and not platform", **detection, **_WHO)


def _applied(rules: Mapping[str, str]) -> str:
    name = {"name": DETECTIONS, "namespace": NAMESPACE}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": dict(rules)})


def _solved(**changed: str | None) -> str:
    """The lab's own answer with other rules, by key without .yaml; None: without it."""
    wanted = ("ConfigMap", NAMESPACE, DETECTIONS)
    own: dict[str, str] = next(each["data"] for each in at_stage("k05", "closed") if identity(each) == wanted)
    new = {f"{key}.yaml": text for key, text in changed.items()}
    return _applied({key: text for key, text in {**own, **new}.items() if text is not None})


BROKEN: Final = (
    Case("lists alone", apply=_solved(secrets=_by_workload(s={**_SECRETS, "verb": "list"})), hurts="attack"),
    Case(
        "one account alone",
        apply=_solved(secrets=_rule("s", s={**_SECRETS, "user.username|endswith": ":web"})),
        hurts="attack",
    ),
    Case("a rule for all", apply=_applied({"all.yaml": _rule("a", a={"verb": "*"})}), hurts="use"),
    Case(
        "all that the intruder's accounts do",
        apply=_solved(web=_rule("w", w={"user.username|endswith": [":web", ":ci"]})),
        hurts="use",
    ),
    Case("Helm too", apply=_solved(secrets=_rule("s", s=_SECRETS)), hurts="use"),
    Case("the new way of exec alone", apply=_solved(exec=_rule("e", e={**_EXEC, "verb": "get"})), hurts="intact"),
    Case("one key is no rule", apply=_solved(more=_NO_RULE), hurts="intact"),
    Case(
        "rights taken away, and nothing seen",
        apply=_applied({"any.yaml": _rule("a", a={"responseStatus.code|gte": 400})}),
        delete=("ClusterRoleBinding//owasp-k05-reader", f"RoleBinding/{NAMESPACE}/web"),
        hurts="attack",
    ),
)

REPAIRS: Final = (
    Case(
        "one rule with all in it",
        apply=_applied(
            {
                "intruder.yml": _rule(
                    "exec or ((secrets or token or disk or privileged) and workload and not platform)",
                    exec=_EXEC,
                    secrets=_SECRETS,
                    token=_TOKEN,
                    disk=_DISK,
                    privileged=_PRIVILEGED,
                    **_WHO,
                )
            }
        ),
    ),
    Case(
        "by the groups of accounts, with what is ordinary left out, and by regular expressions",
        apply=_applied(
            {
                "accounts": _rule(
                    "apps and (secrets or token)",
                    apps={"user.groups|contains": f'"system:serviceaccounts:{NAMESPACE}"'},
                    secrets={"objectRef.resource": "secrets", "verb|re": "^(list|watch)$"},
                    token={"requestURI|re": "/serviceaccounts/[^/]+/token$", "verb": "create"},
                ),
                "exec": _rule("e", e={"requestURI|contains": "/exec?", "responseStatus.code": "101"}),
                "node": _rule(
                    "words and apps and new",
                    words=['"hostPath":', '"privileged":true'],
                    apps={"user.groups|contains": f'"system:serviceaccounts:{NAMESPACE}"'},
                    new={"verb": "create"},
                ),
            }
        ),
    ),
)
