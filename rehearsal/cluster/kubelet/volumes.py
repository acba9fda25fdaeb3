"""A pod's volumes as directories: tokens, config maps, secrets, the pod's own fields, empty ones.

A volume is written as a kubelet does it: the files lie in a directory with a
time in its name, `..data` points to it and is replaced in one step, so that a
reader sees either the old files or the new ones.
"""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rehearsal.cluster.errors import ControlPlaneError
from rehearsal.cluster.kubelet.errors import NotStarted
from rehearsal.cluster.kubelet.objects import Api, Object, Sources, field_of

_OLD: Final = 0.8
"""Share of its life after which a kubelet renews a token (also after 24 h)."""
_DAY: Final = 24 * 3600.0
_DEFAULT_MODE: Final = 0o644
_LEAST_WAIT: Final = 5.0
"""Seconds until a token that could not be renewed is tried again."""


def write_volume(directory: Path, files: Mapping[str, bytes], mode: int = _DEFAULT_MODE) -> None:
    """Make a volume hold exactly these files; paths are relative and may have directories."""
    now = time.time_ns()
    stamp = datetime.fromtimestamp(now // 10**9, UTC).strftime("..%Y_%m_%d_%H_%M_%S")
    new = directory / f"{stamp}.{now % 10**9:09d}"
    for path, data in files.items():
        file = new / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(mode)
    new.mkdir(parents=True, exist_ok=True)
    data_link, fresh = directory / "..data", directory / "..data_tmp"
    before = directory / data_link.readlink() if data_link.is_symlink() else None
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(new.name)
    fresh.replace(data_link)
    wanted = {Path(path).parts[0] for path in files}
    for name in wanted:
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(Path("..data") / name)
    for link in directory.iterdir():
        if not link.name.startswith("..") and link.name not in wanted:
            link.unlink()
    if before is not None:
        shutil.rmtree(before, ignore_errors=True)


@dataclass
class Token:
    """A service-account token in a volume."""

    spec: Mapping[str, Any]
    """The source in the volume: path, audience, expirationSeconds."""
    value: str = ""
    renew_at: float = 0.0
    """Seconds since the epoch."""


@dataclass
class Volume:
    """One volume of a pod, and where it is."""

    directory: Path
    mode: int = _DEFAULT_MODE
    read_only: bool = True
    """Whether it is made from objects of the cluster; an empty directory is the pod's to fill."""
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """All but the tokens."""
    tokens: list[Token] = field(default_factory=list[Token])

    def write(self) -> None:
        """Bring the files to disk."""
        tokens = {token.spec["path"]: token.value.encode() for token in self.tokens}
        write_volume(self.directory, self.files | tokens, self.mode)


class Volumes:
    """The volumes of one pod."""

    def __init__(self, directory: Path, pod: Object, api: Api) -> None:
        self._directory = directory
        self._pod = pod
        self._api = api
        self._sources = Sources(api, pod["metadata"]["namespace"])
        self._lock = asyncio.Lock()
        self.by_name: dict[str, Volume] = {}
        """Those that are played; a volume of another kind is mounted nowhere."""

    async def prepare(self) -> None:
        """Make every volume. Raises NotStarted, or ControlPlaneError out of contact."""
        for volume in self._pod["spec"].get("volumes") or []:
            if made := await self._make(volume):
                self.by_name[volume["name"]] = made

    async def _make(self, volume: Object) -> Volume | None:
        directory = self._directory / volume["name"]
        if "emptyDir" in volume:
            await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
            return Volume(directory, read_only=False)
        made = Volume(directory)
        if projected := volume.get("projected"):
            sources = projected.get("sources") or []
            made.mode = projected.get("defaultMode", _DEFAULT_MODE)
        elif "configMap" in volume or "secret" in volume or "downwardAPI" in volume:
            sources = [volume]
            own = next(volume[kind] for kind in ("configMap", "secret", "downwardAPI") if kind in volume)
            made.mode = own.get("defaultMode", _DEFAULT_MODE)
        else:
            return None
        for source in sources:
            await self._add(made, source)
        await asyncio.to_thread(made.write)
        return made

    async def _add(self, volume: Volume, source: Object) -> None:
        if reference := source.get("serviceAccountToken"):
            token = Token(reference)
            await self._request(token)
            volume.tokens.append(token)
        elif reference := source.get("configMap"):
            found = await self._sources.config_map(reference["name"], reference.get("optional", False))
            volume.files |= _items(found or {}, reference)
        elif reference := source.get("secret"):
            name = reference.get("secretName") or reference["name"]
            volume.files |= _items(await self._sources.secret(name, reference.get("optional", False)) or {}, reference)
        elif reference := source.get("downwardAPI"):
            for item in reference.get("items") or []:
                if "fieldRef" not in item:
                    raise NotStarted("ContainerCreating", "the rehearsal does not play resource fields in volumes")
                volume.files[item["path"]] = field_of(self._pod, item["fieldRef"]["fieldPath"]).encode()
        else:
            raise NotStarted("ContainerCreating", f"the rehearsal does not play volumes from {', '.join(source)}")

    async def _request(self, token: Token) -> None:
        """Ask for a token that counts as long as the pod is there."""
        metadata, spec = self._pod["metadata"], self._pod["spec"]
        account = spec.get("serviceAccountName") or "default"
        audience = token.spec.get("audience")
        seconds = token.spec.get("expirationSeconds", 3600)
        asked = time.time()
        answer = await self._api.request(
            "POST",
            f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{account}/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {
                    "audiences": [audience] if audience else [],
                    "expirationSeconds": seconds,
                    "boundObjectRef": {
                        "apiVersion": "v1",
                        "kind": "Pod",
                        "name": metadata["name"],
                        "uid": metadata["uid"],
                    },
                },
            },
        )
        token.value = answer["status"]["token"]
        token.renew_at = asked + min(_OLD * answer["spec"]["expirationSeconds"], _DAY)

    async def renew(self) -> float | None:
        """Renew the tokens that are old; seconds until the next one will be, None without tokens.

        A token that cannot be had now stays as it is: it is still good for a fifth of its life.
        """
        async with self._lock:
            for volume in self.by_name.values():
                old = [token for token in volume.tokens if token.renew_at <= time.time()]
                with contextlib.suppress(ControlPlaneError):
                    for token in old:
                        await self._request(token)
                if old:
                    await asyncio.to_thread(volume.write)
        times = [token.renew_at for volume in self.by_name.values() for token in volume.tokens]
        return max(min(times) - time.time(), _LEAST_WAIT) if times else None


def _items(values: Mapping[str, bytes], reference: Mapping[str, Any]) -> dict[str, bytes]:
    """All keys as files, or those that are listed under the paths that they shall have. Raises NotStarted."""
    items = reference.get("items")
    if not items:
        return dict(values)
    optional = reference.get("optional", False)
    missing = [item["key"] for item in items if item["key"] not in values]
    if missing and not optional:
        raise NotStarted("ContainerCreating", f"references non-existent config key: {missing[0]}")
    return {item["path"]: values[item["key"]] for item in items if item["key"] in values}


def mount_points(container: Mapping[str, Any], volumes: Mapping[str, Volume]) -> dict[str, tuple[Path, bool]]:
    """Where a container sees which file or directory of a volume, and whether it may only read it."""
    found: dict[str, tuple[Path, bool]] = {}
    for mount in container.get("volumeMounts") or []:
        volume = volumes.get(mount["name"])
        if volume is None:
            continue
        source = volume.directory / mount["subPath"] if mount.get("subPath") else volume.directory
        if not volume.read_only and not source.exists():
            source.mkdir(parents=True)
        path = os.path.normpath(mount["mountPath"])
        found[path] = (source, volume.read_only or mount.get("readOnly", False))
    return found
