"""What a container's processes see of this machine: the pod's own files under the paths of a pod.

Two ways. On Linux each container gets namespaces of its own (mounts, process
ids, host name; a user namespace too when we are not root): its volumes are
mounted where its spec says, /run is its own, and when its first process is
killed, the kernel takes the others along. Where that is not allowed (macOS,
most containers), paths are rewritten to where the pod's files really are.

Nothing is mounted outside those namespaces, so nothing can be left mounted.
"""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from rehearsal.cluster.kubelet.rewriting import Rewriting

ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where every pod finds its service account's token."""

_SEARCHED: Final = "/usr/bin:/bin:/usr/sbin:/sbin"

_BEGIN: Final = """
mount=$1 host=$2 own=$3 cwd=$4; shift 4
{ echo "$host" > /proc/sys/kernel/hostname; } 2>/dev/null
for run in /run /var/run; do
  [ -L "$run" ] || [ ! -d "$run" ] || "$mount" -n --bind "$own" "$run" || exit 1
done
while [ "$1" != -- ]; do "$mount" -n -o "$1" "$2" "$3" || exit 1; shift 3; done
shift
cd "$cwd" || exit 1
unset OLDPWD
printf .
exec "$@"
"""
"""Inside the new namespaces: host name, the pod's own /run, its volumes; then the word that it is done."""

_PLAIN: Final = 'cd "$1" || exit 1; shift; unset OLDPWD; printf .; exec "$@"'
_PLAIN_TTY: Final = 'cd "$1" || exit 1; tty=$2; shift 2; unset OLDPWD; exec <"$tty" >"$tty" 2>&1; printf .; exec "$@"'
_ENTER: Final = 'cd "$1" || exit 1; shift; unset OLDPWD; exec "$@"'
_ENTER_TTY: Final = 'cd "$1" || exit 1; tty=$2; shift 2; unset OLDPWD; exec "$@" <"$tty" >"$tty" 2>&1'
"""A session's leader that opens a terminal has it as its own."""


@dataclass(frozen=True)
class Place:
    """One container's part of the file system."""

    host_name: str
    directory: Path
    """Of this container alone, for what the sandbox itself needs."""
    cwd: Path
    home: Path
    """Of the pod's own: HOME, unless its specification names another."""
    mounts: Mapping[str, tuple[Path, bool]]
    """Path in the container → where it is, and whether it is read-only."""
    needed: tuple[Path, ...] = ()
    """Directories of this machine that the container's commands are made of."""


class Sandbox(Protocol):
    """How the processes of one container are started."""

    @property
    def waits(self) -> bool:
        """Whether what `first` starts only waits until every process of the container has ended."""
        ...

    def first(self, argv: Sequence[str], tty: str = "") -> list[str]:
        """Command line that prepares the sandbox, writes a dot to its output, and becomes `argv`.

        `tty` is the terminal that it is started on, or "".
        """
        ...

    def another(self, pid: int, argv: Sequence[str], tty: str) -> list[str]:
        """Command line for a process beside the first, whose id is `pid`; `tty` is its terminal, or ""."""
        ...

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """The environment as these processes have to be given it."""
        ...


def mountable(path: str, needed: Sequence[Path]) -> bool:
    """Whether a volume can be mounted there: nothing is made in this machine's directories, nor `needed` hidden."""
    if _in_run(path):
        return True
    return Path(path).is_dir() and not any(each.is_relative_to(path) for each in needed)


def _in_run(path: str) -> bool:
    return path.startswith(("/run/", "/var/run/"))


@dataclass(frozen=True)
class Programs:
    """The programs that make namespaces."""

    unshare: str
    nsenter: str
    setsid: str
    mount: str
    root: bool
    """Whether we may without a user namespace."""

    @classmethod
    def found(cls) -> "Programs | None":
        """Where they are; None where there are none."""
        paths = [shutil.which(name, path=_SEARCHED) for name in ("unshare", "nsenter", "setsid", "mount")]
        if sys.platform != "linux" or None in paths:
            return None
        return cls(*(path or "" for path in paths), root=os.geteuid() == 0)

    @property
    def new(self) -> list[str]:
        """Command line that makes new namespaces."""
        user = [] if self.root else ["--user", "--map-root-user"]
        kinds = ["--mount", "--uts", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"]
        return [self.unshare, *user, *kinds]

    async def work(self, directory: Path) -> bool:
        """Whether this machine lets us do it; tried once, for real."""
        place = Place("probe", directory / "probe", Path("/"), directory, {"/run/probe": (directory, True)})
        (directory / "probe").mkdir(parents=True, exist_ok=True)
        try:
            process = await asyncio.create_subprocess_exec(
                *Namespaces(self, place).first(["/bin/sh", "-c", "test -d /run/probe"]),
                env={"PATH": _SEARCHED},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            return False
        return await process.wait() == 0


class Namespaces:
    """A container in namespaces of its own."""

    waits = True

    def __init__(self, programs: Programs, place: Place) -> None:
        self._programs = programs
        self._place = place
        self._own_run = place.directory / "run"
        self._own_run.mkdir(parents=True, exist_ok=True)
        for path, (source, _) in place.mounts.items():
            if _in_run(path):
                target = self._own_run / path.removeprefix("/var").removeprefix("/run/")
                if source.is_file():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.touch()
                else:
                    target.mkdir(parents=True, exist_ok=True)
        needed = [place.directory, *place.needed]
        self._mounts = {path: at for path, at in sorted(place.mounts.items()) if mountable(path, needed)}
        self._rewriting = Rewriting({path: at[0] for path, at in place.mounts.items() if path not in self._mounts})

    def first(self, argv: Sequence[str], tty: str = "") -> list[str]:
        """See Sandbox."""
        place = self._place
        session = [self._programs.setsid, "--ctty"] if tty else []
        mounts: list[str] = []
        for path, (source, read_only) in self._mounts.items():
            mounts += ["bind,ro" if read_only else "bind", str(source), path]
        return [
            *(*self._programs.new, "/bin/sh", "-c", _BEGIN, "sh"),
            *(self._programs.mount, place.host_name, str(self._own_run), str(place.cwd)),
            *(*mounts, "--", *session, *self._rewriting.argv(argv)),
        ]

    def another(self, pid: int, argv: Sequence[str], tty: str) -> list[str]:
        """See Sandbox."""
        programs, names = self._programs, f"/proc/{pid}/ns"
        user = [] if programs.root else [f"--user={names}/user", "--preserve-credentials"]
        # Its parent, which waits outside for it, must not be ended by a Ctrl-C that is meant for it:
        # the terminal is that of a session of its own.
        session = [programs.setsid, "--ctty"] if tty else []
        return [
            *(programs.nsenter, *user, f"--mount={names}/mnt", f"--uts={names}/uts"),
            *(f"--pid={names}/pid_for_children", *session),
            *("/bin/sh", "-c", _ENTER, "sh", str(self._place.cwd), *self._rewriting.argv(argv)),
        ]

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """See Sandbox."""
        return self._rewriting.env(env)


class Rewritten:
    """A container whose processes get the real paths of the pod's files."""

    waits = False

    def __init__(self, place: Place) -> None:
        self._place = place
        root = place.directory / "root"
        paths: dict[str, Path] = {}
        for path, (source, _) in place.mounts.items():
            # /run and /var/run are the same directory in a pod.
            name = path.removeprefix("/var") if _in_run(path) else path
            target = root / name.removeprefix("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.is_symlink():
                target.symlink_to(source)
            for each in (name, f"/var{name}") if _in_run(name) else (name,):
                paths[each] = target
        secrets = root / "run/secrets"
        secrets.mkdir(parents=True, exist_ok=True)
        self._rewriting = Rewriting({"/run/secrets": secrets, "/var/run/secrets": secrets, **paths})
        self._account = paths.get(ACCOUNT)

    def first(self, argv: Sequence[str], tty: str = "") -> list[str]:
        """See Sandbox."""
        script, terminal = (_PLAIN_TTY, [tty]) if tty else (_PLAIN, [])
        return ["/bin/sh", "-c", script, "sh", str(self._place.cwd), *terminal, *self._rewriting.argv(argv)]

    def another(self, pid: int, argv: Sequence[str], tty: str) -> list[str]:
        """See Sandbox."""
        del pid
        script, terminal = (_ENTER_TTY, [tty]) if tty else (_ENTER, [])
        return ["/bin/sh", "-c", script, "sh", str(self._place.cwd), *terminal, *self._rewriting.argv(argv)]

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """See Sandbox.

        Whoever looks for the token under a fixed path gets a kubeconfig that names it: kubectl by the variable,
        programs that do not read that (ExternalDNS) in the home directory.
        """
        rewritten = self._rewriting.env(env)
        host, port = env.get("KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT")
        if self._account and host and port and "KUBECONFIG" not in env:
            file = self._place.home / ".kube/config"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(_kubeconfig(self._account, f"https://{host}:{port}")))
            rewritten["KUBECONFIG"] = str(file)
        return rewritten


def _kubeconfig(account: Path, server: str) -> dict[str, object]:
    namespace = account / "namespace"
    context: dict[str, str] = {"cluster": "in-cluster", "user": "in-cluster"}
    if namespace.is_file():
        context["namespace"] = namespace.read_text()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "in-cluster", "cluster": {"server": server, "certificate-authority": str(account / "ca.crt")}}
        ],
        "users": [{"name": "in-cluster", "user": {"tokenFile": str(account / "token")}}],
        "contexts": [{"name": "in-cluster", "context": context}],
        "current-context": "in-cluster",
    }
