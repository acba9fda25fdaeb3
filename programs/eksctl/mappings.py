"""iamidentitymapping: who comes into the cluster by the ConfigMap aws-auth, and as whom."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from programs import text
from programs.cluster import Stopped
from programs.eksctl.client import Client, Kubernetes
from programs.eksctl.output import Column, Log, printed

PATH: Final = "/api/v1/namespaces/kube-system/configmaps"
_KEYS: Final = {"role": "mapRoles", "user": "mapUsers", "account": "mapAccounts"}

COLUMNS: Final[tuple[Column, ...]] = (
    ("ARN", lambda one: one.get("rolearn") or one.get("userarn") or ""),
    ("USERNAME", lambda one: one.get("username", "")),
    ("GROUPS", lambda one: ",".join(one.get("groups", ()))),
    ("ACCOUNT", lambda one: one.get("account", "")),
)


@dataclass(frozen=True)
class Identity:
    """One line of aws-auth."""

    kind: str
    """role, user or account."""
    arn: str = ""
    username: str = ""
    groups: tuple[str, ...] = ()
    account: str = ""

    @property
    def record(self) -> dict[str, Any]:
        """As aws-auth has it, without what is empty."""
        whole = {
            f"{self.kind}arn": self.arn,
            "username": self.username,
            "groups": list(self.groups),
            "account": self.account,
        }
        return {key: value for key, value in whole.items() if value}


def identity(arn: str, username: str, groups: Sequence[str]) -> Identity:
    """The mapping that was asked for. Raises Stopped, in eksctl's words, for what is none."""
    if not arn:
        raise Stopped("expected a valid arn but got empty string")
    if not username and not groups:
        raise Stopped("neither username nor group are set for iam identity")
    parts = arn.split(":", 5)
    if parts[0] != "arn" or len(parts) < 6:  # arn:partition:service:region:account:resource
        raise Stopped("arn: invalid prefix" if parts[0] != "arn" else "arn: not enough sections")
    kind = parts[5].partition("/")[0]
    if kind not in ("user", "role"):
        raise Stopped("arn is neither user nor role")
    return Identity(kind, arn, username, tuple(groups))


class AuthConfigMap:
    """aws-auth, read once and saved as a whole, so that what somebody else wrote meanwhile is not lost."""

    def __init__(self, api: Kubernetes) -> None:
        self._api = api
        found = api.get(f"{PATH}/aws-auth")
        self._is_new = found is None
        self._object: dict[str, Any] = found or {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "aws-auth", "namespace": "kube-system"},
        }
        self._data: dict[str, str] = self._object.get("data") or {}

    def identities(self) -> list[Identity]:
        """Roles, then users, then accounts. Raises Stopped for a text that is no YAML of that form."""
        found: list[Identity] = []
        for kind in ("role", "user"):
            for one in self._parsed(kind):
                if not isinstance(one, dict):
                    raise Stopped(f'unmarshalling "{_KEYS[kind]}": an entry is no mapping')
                groups = one.get("groups") or ()
                arn = str(one.get(f"{kind}arn") or "")
                found.append(Identity(kind, arn, str(one.get("username") or ""), tuple(map(str, groups))))
        return found + [Identity("account", account=str(one)) for one in self._parsed("account")]

    def set_identities(self, identities: Sequence[Identity]) -> None:
        """Write roles and users again; accounts stay."""
        for kind in ("role", "user"):
            self._write(kind, [one.record for one in identities if one.kind == kind])

    def set_accounts(self, accounts: Sequence[str]) -> None:
        """Write the accounts again."""
        self._write("account", list(accounts))

    def save(self) -> None:
        """Send it. Raises Stopped, also when somebody else has changed it since it was read."""
        body = {**self._object, "data": self._data}
        if self._is_new:
            self._api.create(PATH, body)
        else:
            self._api.replace(f"{PATH}/aws-auth", body)

    def _parsed(self, kind: str) -> list[Any]:
        key = _KEYS[kind]
        try:
            found: Any = yaml.safe_load(self._data.get(key) or "[]") or []
        except yaml.YAMLError as error:
            raise Stopped(f'unmarshalling "{key}": {" ".join(str(error).split())}') from error
        if not isinstance(found, list):
            raise Stopped(f'unmarshalling "{key}": it is no list')
        return found

    def _write(self, kind: str, value: object) -> None:
        self._data[_KEYS[kind]] = yaml.safe_dump(value, width=10**6)


def get(given: argparse.Namespace, client: Client, log: Log) -> None:
    """Print the mappings, or those of one ARN."""
    del log
    with client.kubernetes(client.cluster(given.cluster)) as api:
        found = AuthConfigMap(api).identities()
    if given.arn:
        found = [one for one in found if one.arn == given.arn]
        if not found:
            raise Stopped(f'no iamidentitymapping with arn "{given.arn}" found')
    text.write(printed("iamidentitymappings", [one.record for one in found], COLUMNS, given.output))
    text.hint("whocan lookup")


def create(given: argparse.Namespace, client: Client, log: Log) -> None:
    """Add a mapping; a second one for the same ARN too, with a warning, as eksctl does."""
    with client.kubernetes(client.cluster(given.cluster)) as api:
        kept = AuthConfigMap(api)
        if added(kept, given, log):
            kept.save()


def added(kept: AuthConfigMap, given: argparse.Namespace, log: Log) -> bool:
    """Add what was asked for to aws-auth; whether there is anything to save. Raises Stopped."""
    found = kept.identities()
    if given.account:
        accounts = {one.account for one in found if one.kind == "account"} | {given.account}
        log.info(f'adding account "{given.account}" to auth ConfigMap')
        kept.set_accounts(sorted(accounts))
        return True
    new = identity(given.arn, given.username, given.group)
    log.info(f"checking arn {new.arn} against entries in the auth ConfigMap")
    same = [one for one in found if one.arn == new.arn]
    if same and given.no_duplicate_arns:
        if any((one.username, sorted(one.groups)) == (new.username, sorted(new.groups)) for one in same):
            log.warning("found existing mapping that matches the one being created, skipping.")
            return False
        raise Stopped(f'found existing mapping with the same arn "{new.arn}" and shadowing is disabled')
    if same:
        log.warning(f'found existing mappings with same arn "{new.arn}" (which will be shadowed by your new mapping)')
    log.info(f'adding identity "{new.arn}" to auth ConfigMap')
    kept.set_identities([*found, new])
    return True


def delete(given: argparse.Namespace, client: Client, log: Log) -> None:
    """Remove the first mapping of an ARN, or all of them, or an account."""
    if bool(given.arn) == bool(given.account):
        raise Stopped("either --arn or --account must be set")
    with client.kubernetes(client.cluster(given.cluster)) as api:
        kept = AuthConfigMap(api)
        removed(kept, given, log)
        kept.save()
        left = sum(one.arn == given.arn for one in kept.identities()) if given.arn else 0
    if left:
        log.warning(f'there are {left} mappings left with same arn "{given.arn}" (use --all to delete them at once)')


def removed(kept: AuthConfigMap, given: argparse.Namespace, log: Log) -> None:
    """Take what was named out of aws-auth. Raises Stopped where it is not in it."""
    found = kept.identities()
    if given.account:
        accounts = [one.account for one in found if one.kind == "account"]
        if given.account not in accounts:
            raise Stopped(f'account "{given.account}" not found in auth ConfigMap')
        log.info(f'removing account "{given.account}" from auth ConfigMap')
        accounts.remove(given.account)
        kept.set_accounts(accounts)
        return
    matching = [place for place, one in enumerate(found) if one.arn == given.arn]
    if not matching and not given.all:
        raise Stopped(f'instance identity ARN "{given.arn}" not found in auth ConfigMap')
    gone = matching if given.all else matching[:1]
    for place in gone:
        one = found[place]
        groups = " ".join(json.dumps(group) for group in one.groups)
        log.info(
            f'removing identity "{one.arn}" from auth ConfigMap (username = "{one.username}", groups = [{groups}])'
        )
    kept.set_identities([one for place, one in enumerate(found) if place not in gone])
