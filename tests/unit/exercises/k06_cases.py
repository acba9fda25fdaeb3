"""For K06's questions about tokens and logins: the right answer, wrong ones, and none.

Where a question would wait for the answer to change, the lab is told to stop: then the first answer is the last.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

from exercises.k06.tokens import (
    ACCOUNT,
    INVALID_SINCE,
    TEN_YEARS,
    TOKEN_TYPE,
    LongestToken,
    TokenOfDeletedPod,
    TokensInSecrets,
)
from exercises.k06.ways_in import Anonymous, AnonymousBindings, AnonymousMay, ClientCertificate, TemplatesPod
from grading.check import Row
from grading.expectations import Allowed, Holds
from grading.grade import Verdict
from grading.outcomes import Outcome, http
from tests.unit.exercises.case import Case, Program
from tests.unit.grading.fake_lab import FakeLab, jwt, status

PASSED, FAILED, NOT_ASKED = Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ASKED
QUESTIONS: Final = (
    Anonymous,
    AnonymousBindings,
    AnonymousMay,
    ClientCertificate,
    LongestToken,
    TemplatesPod,
    TokenOfDeletedPod,
    TokensInSecrets,
)
STATIC: Final = "the-token-in-a-secret"
FRESH: Final = jwt(iat=1000, exp=1000 + 24 * 3600)

GOOD = http(201, {"status": {"userInfo": {"username": "somebody"}}})
UNAUTHORIZED = http(401, status(401, "Unauthorized", "Unauthorized"))
FORBIDDEN = http(403, status(403, "Forbidden", "forbidden"))
MISSING = http(404, status(404, "NotFound", "not found"))
BUSY = http(500, status(500, "InternalError", "later"))


def cases(row: Row) -> Iterator[Case]:
    """The right answer first."""
    question, expected = row.question, row.expected
    match question:
        case TokensInSecrets(account=account):
            assert isinstance(expected, Holds)
            yield from _tokens_in_secrets(account, wanted=dict(expected.facts)["accepted"] != 0)
        case LongestToken():
            yield from _longest_token()
        case TokenOfDeletedPod():
            yield from _deleted_pod()
        case Anonymous():
            right, wrong = (GOOD, UNAUTHORIZED) if isinstance(expected, Allowed) else (UNAUTHORIZED, GOOD)
            yield Case("right", answering({"": right}), PASSED)
            yield Case("the other answer", answering({"": wrong}), FAILED)
            yield Case("forbidden", answering({"": FORBIDDEN}), FAILED)
        case AnonymousBindings():
            assert isinstance(expected, Holds)
            wanted = list(dict(expected.facts)["bindings"])
            own = _bindings("everybody", "Group", "system:unauthenticated")
            other = _bindings("mine", "User", "system:anonymous")
            system = _bindings("public-info", "Group", "system:unauthenticated", system=True)
            none = http(200, {"items": []})
            right, wrong = (own, none) if wanted else (none, own)
            yield Case("right", answering({"/clusterrolebindings": system, "": right}), PASSED)
            yield Case("the other answer", answering({"/clusterrolebindings": none, "": wrong}), FAILED)
            yield Case("another binding", answering({"/clusterrolebindings": other, "": right}), FAILED)
        case AnonymousMay():
            assert isinstance(expected, Holds)
            allowed = dict(expected.facts)["allowed"] == "true"
            yield Case("right", answering({"": _review(allowed)}), PASSED)
            yield Case("the other answer", answering({"": _review(not allowed)}), FAILED)
        case ClientCertificate():
            yield from _certificate()
        case _:
            yield from _templates_pod()
    yield Case("no answer", answering({"": BUSY}), NOT_ASKED)


def _bindings(name: str, kind: str, subject: str, *, system: bool = False) -> Outcome:
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults"} if system else {}
    meta = {"name": name, "namespace": "owasp-k06", "labels": labels}
    return http(200, {"items": [{"metadata": meta, "subjects": [{"kind": kind, "name": subject}]}]})


def answering(answers: dict[str, Outcome]) -> Program:
    """Requests are answered by the first of these whose words are in `METHOD path`; nothing is waited for."""

    def program(one: FakeLab) -> None:
        one.session.stop.set()

        def answer(method: str, path: str, _body: Any, _token: str | None) -> Outcome | None:
            return next((found for words, found in answers.items() if words in f"{method} {path}"), None)

        one.api.answers.append(answer)

    return program


def secret(name: str, account: str, *, token: str = STATIC, invalid: bool = False, kind: str = TOKEN_TYPE) -> Any:
    """A Secret as the API server lists it."""
    labels = {INVALID_SINCE: "2026-11-29"} if invalid else {}
    metadata = {"name": name, "annotations": {ACCOUNT: account}, "labels": labels}
    data = {"token": base64.b64encode(token.encode()).decode()} if token else {}
    return {"metadata": metadata, "type": kind, "data": data}


def _minted(token: str = FRESH) -> Outcome:
    return http(201, {"status": {"token": token}})


def _tokens_in_secrets(account: str, *, wanted: bool) -> Iterator[Case]:
    def listed(*secrets: Any, shown: Outcome = GOOD) -> Program:
        return answering(
            {
                "/token": _minted(),
                "GET /api/v1/namespaces/owasp-k06/secrets": http(200, {"items": list(secrets)}),
                "selfsubjectreviews": shown,
            }
        )

    mine = secret("old", account)
    accepted, refused = (PASSED, FAILED) if wanted else (FAILED, PASSED)
    several = [
        Case("one is accepted", listed(mine), accepted),
        Case("two, of which one is of another type", listed(secret("x", account, kind="Opaque"), mine), accepted),
        Case("who shows it is known, and may nothing", listed(mine, shown=FORBIDDEN), accepted),
        Case("there is none", listed(), refused),
        Case("there is one of another type", listed(secret("x", account, kind="Opaque")), refused),
        Case("there is one of another account", listed(secret("x", "another")), refused),
        Case("it is refused", listed(mine, shown=UNAUTHORIZED), refused),
        Case(
            "it is marked as invalid, and refused",
            listed(secret("x", account, invalid=True), shown=UNAUTHORIZED),
            refused,
        ),
    ]
    yield from sorted(several, key=lambda each: each.verdict is not PASSED)
    yield Case("it is marked as invalid, and still accepted", listed(secret("x", account, invalid=True)), NOT_ASKED)
    yield Case("it has no token yet", listed(secret("x", account, token="")), NOT_ASKED)
    yield Case("the account was deleted", answering({"/token": MISSING, "": http(200, {"items": []})}), FAILED)
    yield Case("nobody says whether it is accepted", listed(mine, shown=BUSY), NOT_ASKED)


def _longest_token() -> Iterator[Case]:
    yield Case("right", answering({"/token": _minted()}), PASSED)
    yield Case("ten years", answering({"/token": _minted(jwt(iat=1000, exp=1000 + TEN_YEARS))}), FAILED)
    yield Case("the account was deleted", answering({"/token": MISSING}), NOT_ASKED)


def _deleted_pod() -> Iterator[Case]:
    pod = {"POST /api/v1/namespaces/owasp-k06/pods": http(201, {"metadata": {"uid": "u"}}), "/token": _minted()}

    def shown(*answers: Outcome) -> Program:
        """The token is answered so, one after another."""
        left = list(answers)

        def program(one: FakeLab) -> None:
            def review(_method: str, path: str, _body: Any, token: str | None) -> Outcome | None:
                assert token in (FRESH, None)
                return left.pop(0) if path.endswith("/selfsubjectreviews") else None

            one.api.answers.append(review)
            answering({**pod, "DELETE": http(200, {})})(one)

        return program

    yield Case("right", shown(GOOD, UNAUTHORIZED), PASSED)
    yield Case("the token outlives its pod", shown(GOOD, GOOD), FAILED)
    yield Case("the token never worked", shown(UNAUTHORIZED), FAILED)
    yield Case("the token is known, and may nothing", shown(GOOD, FORBIDDEN), FAILED)
    yield Case("no answer after the pod is gone", shown(GOOD, BUSY), NOT_ASKED)


def _review(allowed: bool) -> Outcome:
    return http(201, {"status": {"allowed": allowed}})


def _certificate() -> Iterator[Case]:
    def said(request: dict[str, Any], approval: Outcome = GOOD) -> Program:
        made = http(201, {"metadata": {"name": "x"}, "spec": {}})
        return answering({"PUT": approval, "POST": made, "GET": http(200, {"status": request}), "DELETE": made})

    approved = {"conditions": [{"type": "Approved"}]}
    yield Case("right", said(approved), PASSED)
    yield Case("issued", said({**approved, "certificate": "LS0t"}), FAILED)
    yield Case("not approved", said({}), FAILED)
    failed = {"conditions": [{"type": "Approved"}, {"type": "Failed"}]}
    yield Case("the signer has failed", said(failed), FAILED)
    yield Case("it may not be approved", said(approved, approval=FORBIDDEN), NOT_ASKED)


def _templates_pod() -> Iterator[Case]:
    def pod(spec: dict[str, Any], found: Outcome = MISSING) -> Program:
        full = {"serviceAccountName": "robot", "containers": [{"name": "c"}], **spec}
        deployment = {"spec": {"template": {"spec": {}}}}
        return answering(
            {
                "GET /apis/apps/v1/namespaces/owasp-k06/deployments/robot": http(200, deployment),
                "POST /api/v1/namespaces/owasp-k06/pods?dryRun=All": http(201, {"spec": full}),
                "/secrets/": found,
            }
        )

    def projected(**source: Any) -> dict[str, Any]:
        return {"volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": source}]}}]}

    mounted = {"volumes": [{"name": "t", "secret": {"secretName": "robot-token"}}]}
    bound = projected(path="token")
    of_robot = http(200, secret("robot-token", "robot"))
    yield Case("a projected token", pod(bound), PASSED)
    named = projected(path="token", audience="https://kubernetes.default.svc")
    yield Case("a projected token that names the API server", pod(named), PASSED)
    yield Case("a token in a Secret", pod(mounted, of_robot), PASSED)
    yield Case("the Secret is gone", pod(mounted), FAILED)
    yield Case("the Secret's token is invalid", pod(mounted, http(200, secret("x", "robot", invalid=True))), FAILED)
    yield Case("the Secret holds no token", pod(mounted, http(200, secret("x", "robot", kind="Opaque"))), FAILED)
    yield Case("no token at all", pod({}), FAILED)
    yield Case("a token for somebody else", pod(projected(path="token", audience="sts.amazonaws.com")), FAILED)
    yield Case("another account", pod({**bound, "serviceAccountName": "ci"}), FAILED)
    reference = {"name": "T", "valueFrom": {"secretKeyRef": {"name": "robot-token", "key": "token"}}}
    for label, container in (
        ("a variable", {"env": [reference]}),
        ("all variables", {"envFrom": [{"secretRef": {"name": "robot-token"}}]}),
    ):
        missing = pod({**bound, "containers": [{"name": "c", **container}]})
        yield Case(f"the Secret of {label} is gone", missing, FAILED)
        beginning = pod({**bound, "initContainers": [{"name": "i", **container}]})
        yield Case(f"the Secret of {label} of an init container is gone", beginning, FAILED)
    sources = [{"serviceAccountToken": {"path": "t"}}, {"secret": {"name": "robot-token"}}]
    yield Case(
        "the Secret of a projected volume is gone", pod({"volumes": [{"projected": {"sources": sources}}]}), FAILED
    )
    optional = [{"name": "t", "secret": {"secretName": "robot-token", "optional": True}}]
    yield Case("a Secret that may be missing", pod({"volumes": [*bound["volumes"], *optional]}), PASSED)
    yield Case("the Deployment was deleted", answering({"GET": MISSING}), FAILED)
    refused = {"POST": FORBIDDEN, "GET": http(200, {"spec": {"template": {"spec": {}}}})}
    yield Case("its pods are refused", answering(refused), FAILED)
    yield Case("no answer about the Secret", pod(mounted, BUSY), NOT_ASKED)
