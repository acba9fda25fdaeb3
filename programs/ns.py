"""kubectl ns, as of github.com/ahmetb/kubectx v0.11.0 (kubens): the namespace of the kubeconfig's current context.

kubectl itself writes the kubeconfig. The namespace before is kept beside kubectl's cache, so that in the lab's shell
nothing of the user's is touched.
"""

import json
import os
from pathlib import Path

from programs import text
from programs.cluster import Stopped, kubectl

VERSION = "v0.11.0"
_HELP = """Switch between Kubernetes namespaces.

USAGE:
  kubectl ns                    : list the namespaces in the current context
  kubectl ns <NAME>             : change the active namespace of current context
  kubectl ns <NAME> --force/-f  : change it although there is no such namespace
  kubectl ns -                  : switch to the previous namespace in this context
  kubectl ns -c, --current      : show the current namespace
  kubectl ns -u, --unset        : back to 'default'
  kubectl ns -V, --version      : show version"""


def main(arguments: list[str]) -> None:
    """List the namespaces, or make one the context's."""
    force = {"-f", "--force"} & set(arguments)
    rest = [one for one in arguments if one not in ("-f", "--force")]
    if len(rest) > 1:
        raise Stopped("Too many arguments. See kubectl ns --help.")
    word = rest[0] if rest else ""
    if word in ("-h", "--help"):
        text.show(_HELP.splitlines())
    elif word in ("-V", "--version"):
        text.show([VERSION])
    elif word in ("-c", "--current"):
        text.show([_current()[1]])
    elif word in ("-u", "--unset"):
        _switch("default", force=True)
    elif word.startswith("-") and word != "-":
        raise Stopped(f'unsupported option "{word}". See kubectl ns --help.')
    elif word:
        _switch(word, force=bool(force))
    else:
        current = _current()[1]
        names = kubectl("get", "namespaces", "--output=jsonpath={.items[*].metadata.name}").split()
        text.show(text.painted(name, "yellow") if name == current else name for name in names)


def _switch(name: str, *, force: bool) -> None:
    context, before = _current()
    kept = _kept(context)
    if name == "-":
        name = kept.read_text().strip() if kept.exists() else ""
        if not name:
            raise Stopped(f"No previous namespace found for current context ({context}). Name one: kubectl ns NAME.")
    if not force and not kubectl("get", "namespace", name, "--ignore-not-found", "--output=name").strip():
        raise Stopped(f'no namespace exists with name "{name}". See kubectl ns.')
    kubectl("config", "set-context", "--current", f"--namespace={name}")
    if name != before:
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept.write_text(before)
    text.tell(f'✔ Active namespace is "{name}"')


def _current() -> tuple[str, str]:
    """Name and namespace of the current context."""
    view = json.loads(kubectl("config", "view", "--minify", "--output=json"))
    (context,) = view["contexts"]
    return context["name"], context["context"].get("namespace") or "default"


def _kept(context: str) -> Path:
    cache = os.environ.get("KUBECACHEDIR") or Path.home() / ".kube"
    return Path(cache) / "kubens" / context.replace("/", "-")
