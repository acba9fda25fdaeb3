"""kubectl rbac-view, as of github.com/jasonrichardsmith/rbac-view v0.2.1: a page of the bound roles and their verbs.

Serves until Ctrl-C, as the plug-in does, but to this machine alone; `--render json` prints the same and ends. Other
than the plug-in it shows what a RoleBinding takes from a ClusterRole, and every rule of a resource.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from operations.rbac.api_resources import VERBS
from operations.rbac.cluster_reader import NotAsked, Reader
from operations.rbac.evaluator import Evaluator
from operations.rbac.objects import Subject
from programs import text
from programs.cluster import Parser, Stopped, asking

PORT: Final = 8800
_HOSTS: Final = ("localhost", "127.0.0.1")
_LETTERS: Final[dict[str, str]] = {**dict(zip(VERBS, ("G", "L", "W", "C", "U", "P", "D", "DC"), strict=True)), "*": "*"}
_STYLE: Final = (
    "body{font-family:sans-serif;margin:1em}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:2px 6px;"
    "text-align:left;vertical-align:top}thead th{writing-mode:vertical-rl;position:sticky;top:0;background:#fff}"
    "small{color:#555}"
)


def main(arguments: list[str]) -> None:
    """Serve the page, or print what it shows as JSON."""
    # The plug-in's options are Go's: one hyphen is as good as two.
    arguments = [f"-{one}" if one[:2] in ("-r", "-k") else one for one in arguments]
    parser = Parser("kubectl rbac-view", f"Show the bound roles on http://localhost:{PORT}.")
    parser.add_argument("--render", choices=("html", "json"), default="html")
    parser.add_argument("--kubeconfig", metavar="FILE", default="")
    given = parser.parse_args(arguments)
    text.log("Getting K8s client", "0000")
    with asking([f"--kubeconfig={given.kubeconfig}"] if given.kubeconfig else []) as reader:
        if given.render == "json":
            text.show([json.dumps(matrices(Evaluator(reader.policy())))])
        else:
            reader.policy()  # without the right to read it this fails here, and not in the browser
            _serve(reader)
    text.hint("whocan matrix")


def matrices(evaluator: Evaluator) -> dict[str, Any]:
    """What the plug-in shows: for bindings of the cluster and of namespaces the resources, and a role a binding."""
    found: dict[str, Any] = {}
    for name, wanted in (("clusterRoles", "ClusterRoleBinding"), ("roles", "RoleBinding")):
        roles: list[dict[str, Any]] = []
        for binding in sorted(
            (one for one in evaluator.policy.bindings if one.kind == wanted),
            key=lambda one: (one.namespace, one.role_name, one.name),
        ):
            role = evaluator.role_of(binding)
            verbs: dict[str, list[str]] = {}
            for rule in role.rules if role else ():
                for resource in rule.resources:
                    own = verbs.setdefault(resource, [])
                    own += [verb for verb in rule.verbs if verb not in own]
            subjects = [_subject(one) for one in binding.subjects]
            place = {"namespace": binding.namespace} if binding.namespace else {}
            roles.append({"name": binding.role_name, "objects": verbs, "subjects": subjects, **place})
        objects = sorted({resource for one in roles for resource in one["objects"]})
        found[name] = {"objects": objects, "roles": roles}
    return found


def page(found: Mapping[str, Any]) -> str:
    """The matrices as HTML: a table each, a row a binding's role, a column a resource, the verbs by their letters."""
    legend = ", ".join(f"{letter} {verb}" for verb, letter in _LETTERS.items() if verb != "*")
    tables = "".join(
        f"<h2>{title}</h2>{_table(found[name])}"
        for title, name in (("Cluster Roles", "clusterRoles"), ("Roles", "roles"))
    )
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>RBAC View</title><style>{_STYLE}</style>'
    return f"{head}</head><body><h1>RBAC View</h1><p>{legend}; * all verbs</p>{tables}</body></html>"


def _table(matrix: Mapping[str, Any]) -> str:
    objects: Sequence[str] = matrix["objects"]
    heads = "".join(f"<th>{escape(one)}</th>" for one in objects)
    rows = "".join(f"<tr><th>{_role(role)}</th>{_cells(role, objects)}</tr>" for role in matrix["roles"])
    return f"<table><thead><tr><th>RoleName</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _role(role: Mapping[str, Any]) -> str:
    place = f"<br><small>Namespace: {escape(role['namespace'])}</small>" if "namespace" in role else ""
    subjects = "".join(f"<br><small>{one['kind']} - {escape(_full(one))}</small>" for one in role["subjects"])
    return f"{escape(role['name'])}{place}{subjects}"


def _cells(role: Mapping[str, Any], objects: Sequence[str]) -> str:
    verbs: Mapping[str, list[str]] = role["objects"]
    return "".join(
        f"<td>{escape(' '.join(_LETTERS.get(verb, verb) for verb in verbs.get(one, ())))}</td>" for one in objects
    )


def _full(subject: Mapping[str, str]) -> str:
    return f"{subject['namespace']}/{subject['name']}" if "namespace" in subject else subject["name"]


def _subject(subject: Subject) -> dict[str, str]:
    place = {"namespace": subject.namespace} if subject.namespace else {}
    return {"kind": subject.kind, "name": subject.name, **place}


def _serve(reader: Reader) -> None:
    class Handler(BaseHTTPRequestHandler):
        """Reads the roles again for each page, as the plug-in does."""

        def do_GET(self) -> None:
            """The page, or the matrices as JSON; nothing else."""
            if self.headers.get("Host", "").partition(":")[0] not in _HOSTS:
                self.send_error(403)  # another site's name that leads here
                return
            path = self.path.partition("?")[0]
            if path not in ("/", "/index.html", "/allroles.json"):
                self.send_error(404)
                return
            try:
                found = matrices(Evaluator(reader.policy()))
            except NotAsked as error:
                self.send_error(502, explain=str(error))
                return
            as_json = path == "/allroles.json"
            content = (json.dumps(found) if as_json else page(found)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json" if as_json else "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the plug-in says nothing of requests either."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    except OSError as error:
        raise Stopped(f"Port {PORT} cannot be had: {os.strerror(error.errno or 0)}. End what listens there.") from error
    with server:
        text.log(f"serving RBAC View and http://localhost:{PORT}", "0000")
        text.hint("whocan matrix SUBJECT")
        sys.stderr.flush()
        server.serve_forever()
