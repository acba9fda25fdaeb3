"""What is typed after eksctl: the verbs that are here with eksctl's flags, and one line for those that are not."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from programs import text
from programs.cluster import Parser, Stopped
from programs.eksctl import accounts, associations, clusters, entries, mappings
from programs.eksctl.client import Client, refused
from programs.eksctl.output import Log
from programs.eksctl.roles import VERSION

Run = Callable[[argparse.Namespace, Client, Log], None]


@dataclass(frozen=True)
class Command:
    """A verb with its resource."""

    run: Run
    texts: tuple[str, ...] = ()
    """Flags with one value."""
    lists: tuple[str, ...] = ()
    """Flags whose values are separated by commas, and that may be given again."""
    switches: tuple[str, ...] = ()
    """Flags that are there or not."""
    takes_name: bool = False
    """Whether the resource's name may stand without a flag."""
    namespace: str | None = None
    """What --namespace is when it is not given; None: there is no such flag."""


_ACCOUNT = ("name", "cfn-role-arn")
_ASSOCIATION = ("service-account-name",)

COMMANDS: Final = {
    ("get", "cluster"): Command(clusters.get, texts=("name",), switches=("all-regions",), takes_name=True),
    ("get", "iamidentitymapping"): Command(mappings.get, texts=("arn",)),
    ("create", "iamidentitymapping"): Command(
        mappings.create,
        texts=("arn", "username", "account"),
        lists=("group",),
        switches=("no-duplicate-arns",),
    ),
    ("delete", "iamidentitymapping"): Command(mappings.delete, texts=("arn", "account"), switches=("all",)),
    ("get", "iamserviceaccount"): Command(accounts.get, texts=("name",), takes_name=True, namespace=""),
    ("create", "iamserviceaccount"): Command(
        accounts.create,
        texts=(*_ACCOUNT, "attach-role-arn", "role-name"),
        lists=("attach-policy-arn", "tags"),
        switches=("role-only", "override-existing-serviceaccounts", "approve", "cfn-disable-rollback"),
        takes_name=True,
        namespace="default",
    ),
    ("delete", "iamserviceaccount"): Command(
        accounts.delete,
        texts=_ACCOUNT,
        switches=("wait", "cfn-disable-rollback"),
        takes_name=True,
        namespace="default",
    ),
    ("get", "podidentityassociation"): Command(associations.get, texts=_ASSOCIATION, namespace=""),
    ("create", "podidentityassociation"): Command(
        associations.create,
        texts=(*_ASSOCIATION, "role-arn", "role-name", "permission-boundary-arn", "target-role-arn"),
        lists=("permission-policy-arns", "tags"),
        switches=("create-service-account", "disable-session-tags"),
        namespace="",
    ),
    ("delete", "podidentityassociation"): Command(associations.delete, texts=_ASSOCIATION, namespace=""),
    ("get", "accessentry"): Command(entries.get, texts=("principal-arn",)),
    ("create", "accessentry"): Command(
        entries.create, texts=("principal-arn", "type", "kubernetes-username"), lists=("kubernetes-groups",)
    ),
    ("delete", "accessentry"): Command(entries.delete, texts=("principal-arn",)),
}

_ELSEWHERE: Final = {
    "cluster": "lab up and lab down make and delete the cluster",
    "nodegroup": "aws eks list-nodegroups --cluster-name $CLUSTER_NAME and kubectl get node show them, and lab up "
    "makes them as the settings say",
    "addon": "aws eks list-addons --cluster-name $CLUSTER_NAME shows them, and lab up makes them as the settings say",
    "write-kubeconfig": "aws eks update-kubeconfig --name $CLUSTER_NAME",
    "associate-iam-oidc-provider": "the cluster has one: aws iam list-open-id-connect-providers",
    "update-authentication-mode": "aws eks update-cluster-config --name $CLUSTER_NAME --access-config "
    "authenticationMode=API_AND_CONFIG_MAP",
}
"""What does and shows the same as a verb that is not here, by its second word."""

SHORT: Final = {
    "name": "n",
    "all-regions": "A",
    "wait": "w",
    "cluster": "c",
    "output": "o",
    "region": "r",
    "profile": "p",
    "verbose": "v",
    "color": "C",
    "config-file": "f",
}
_COMMON: Final = ("region", "profile", "color", "timeout", "config-file")
_ABOUT: Final = f"""This is not eksctl: these are the lab's own answers to some of its verbs, after eksctl {VERSION}.
Roles are made by IAM itself, because the rehearsal plays no CloudFormation. What is here:
"""


def main(arguments: list[str]) -> None:
    """Do what was typed. Raises Stopped."""
    words = [one for one in arguments if not one.startswith("-")]
    if words[:1] == ["version"]:
        text.write(f"{VERSION} (the lab's own answer to some of its verbs, not eksctl: eksctl --help)\n")
        return
    if not words or words[0] == "help":
        text.write(about())
        return
    verb, resource = words[0], _singular(words[1]) if len(words) > 1 else ""
    command = COMMANDS.get((verb, resource))
    if command is None:
        if not resource and any(one == verb for one, _ in COMMANDS) and {"-h", "--help"} & set(arguments):
            text.write(about())
            return
        raise Stopped(absent(words))
    rest = list(arguments)
    rest.remove(words[0])
    rest.remove(words[1])
    _run(command, _read(verb, resource, command, rest))


def about() -> str:
    """What --help says."""
    return _ABOUT + "".join(f"  eksctl {verb} {resource}\n" for verb, resource in COMMANDS)


def absent(words: Sequence[str]) -> str:
    """The line for a verb that is not here."""
    same = _ELSEWHERE.get(_singular(words[1])) if len(words) > 1 else None
    typed = " ".join(words[:2])
    return f"eksctl {typed} is not here. {'Instead: ' + same if same else 'What is here: eksctl --help'}"


def _run(command: Command, given: argparse.Namespace) -> None:
    if given.config_file:
        raise Stopped("a config file is not read here. Give what is in it as flags")
    if not given.cluster and command.run is not clusters.get:
        raise Stopped("--cluster must be set")
    from botocore.exceptions import BotoCoreError, ClientError

    output = getattr(given, "output", "table")
    log = Log(given.verbose, to_stderr=output != "table")
    try:
        command.run(given, Client(given.region, given.profile), log)
    except ClientError as error:
        raise Stopped(refused(error)) from error
    except BotoCoreError as error:
        raise Stopped(str(error)) from error


def _read(verb: str, resource: str, command: Command, arguments: Sequence[str]) -> argparse.Namespace:
    description = f"The lab's own answer to this verb of eksctl {VERSION}; it is not eksctl."
    parser = Parser(f"eksctl {verb} {resource}", description)
    switches = (*command.switches, "dumpLogs")
    texts = [*command.texts, *_COMMON]
    if command.namespace is not None:
        parser.add_argument("--namespace", metavar="TEXT", default=command.namespace)
    if "name" in command.texts and resource == "cluster":
        parser.set_defaults(cluster="")
    else:
        # --name was --cluster once; iamserviceaccount has a --name of its own.
        old = () if "name" in command.texts else ("-n", "--name")
        parser.add_argument("-c", "--cluster", *old, metavar="TEXT", default="")
    for name in texts:
        is_account = name == "name" and resource != "cluster"
        parser.add_argument(*_flags(name, short=not is_account), metavar="TEXT", default="")
    for name in command.lists:
        parser.add_argument(f"--{name}", metavar="TEXT,...", action="append", default=[])
    for name in switches:
        parser.add_argument(*_flags(name), action="store_true")
    parser.add_argument("-v", "--verbose", metavar="LEVEL", type=int, default=3)
    if verb == "get":
        parser.add_argument("-o", "--output", choices=("table", "json", "yaml"), default="table")
        parser.add_argument("--chunk-size", metavar="COUNT", type=int, default=100)
    if command.takes_name:
        parser.add_argument("name_argument", metavar="NAME", nargs="?", default="")
    given = parser.parse_args(_plain(arguments, switches))
    for name in command.lists:
        key = name.replace("-", "_")
        setattr(given, key, [part for one in getattr(given, key) for part in one.split(",") if part])
    return given


def _plain(arguments: Sequence[str], switches: Sequence[str]) -> list[str]:
    """Go's `--approve=true` and `--approve=false` in the form that argparse reads."""
    written = {f"--{name}=true": f"--{name}" for name in switches}
    no = {f"--{name}=false" for name in switches}
    return [written.get(one, one) for one in arguments if one not in no]


def _flags(name: str, *, short: bool = True) -> tuple[str, ...]:
    return (f"-{SHORT[name]}", f"--{name}") if short and name in SHORT else (f"--{name}",)


def _singular(word: str) -> str:
    """eksctl takes some plurals for the singular."""
    if word.endswith("entries"):
        return f"{word.removesuffix('ies')}y"
    return word.removesuffix("s")
