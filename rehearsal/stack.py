"""Runs a Pulumi program against the world: the real engine, its plug-ins, a local backend.

The program is handed in; nothing here knows what it declares. A run that was
killed leaves the engine's lock, plug-ins and half-made resources behind: the
next run removes the first two (rehearsal/recovery.py) and has the third put
right by whom the caller names.
"""

import json
import os
import secrets
import sys
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pulumi import automation as auto
from pulumi.automation._stack import StackInitMode  # not exported; Stack.create cannot make a subclass

from rehearsal import at_work, language_server, recovery, stack_files, transforms
from rehearsal.charts.directory import Charts
from rehearsal.charts.releases import BadReleases, Releases
from rehearsal.charts.repository import Pin
from rehearsal.engine import EngineCommand, EngineStack, Workspace
from rehearsal.environment import PREVIEW, environment
from rehearsal.outcome import Result, RunFailed, causes, refused, said, unwrapped
from rehearsal.providers import launch
from rehearsal.world import World

OnEvent = Callable[[auto.EngineEvent], object]

PutRight = Callable[["RehearsalStack", bool], object]
"""Puts right what a killed run left in a stack, by `export`, `restore` and `delete`; the second argument tells whether
the stack is to be built and not only taken away. It is called in the environment in which the stack's AWS answers."""


AT_ONCE = 32
"""Resources that the engine works on at the same time; without it four for each CPU. Most only wait, such as namespaces
for their controller."""


class RehearsalStack:
    """One stack of one program in one world."""

    def __init__(
        self,
        world: World,
        bin_dir: Path,
        *,
        project_file: Path,
        stack_file: Path,
        program: Callable[[], None],
        secret_keys: Collection[str] = (),
        charts: Collection[Pin] = (),
        tell: Callable[[str], object] = lambda _: None,
        put_right: PutRight = lambda _stack, _builds: None,
        command: str = "",
    ) -> None:
        """`project_file` is Pulumi.yaml, `stack_file` is Pulumi.<stack>.yaml; neither is written to.

        `secret_keys` are configuration keys with their namespace ("myeks:password"): a value that stands in plain
        in the stack's file is encrypted before the engine sees it, or it would stand in its history. `charts` are
        those that the program may install, with the digests that are known of them; `tell` gets which one is pulled
        or cannot be had. `put_right` is called before each run that changes something. `command` is what the user
        typed, for whoever finds the stack taken.
        """
        self.name = stack_file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        self.world = world
        self.engine = EngineCommand(bin_dir / "pulumi")
        self._bin_dir = bin_dir
        self._root = world.dir / "pulumi"
        self._work = self._root / "work"
        self._pids = self._root / "pids"
        self._doubtful = self._root / "doubtful"
        self._program = program
        self._refused: list[str] = []
        self._secret_keys = frozenset(secret_keys)
        self._pins = charts
        self._charts = Charts(world.dir / "charts", tell)
        self._put_right = put_right
        self._project_file, self._stack_file = project_file, stack_file
        self._opened_stack: auto.Stack | None = None
        self._command = command
        self._holds = 0
        self._project: str = stack_files.project_settings(project_file.read_text(), project_file.name)["name"]

    @property
    def _checkpoint(self) -> Path:
        return self._root / "backend" / ".pulumi" / "stacks" / self._project / f"{self.name}.json"

    def exists(self) -> bool:
        """Whether the backend knows this stack, that is, whether an `up` was begun in this world."""
        return self._checkpoint.exists()

    def up(self, on_event: OnEvent | None = None) -> Result:
        """Create or update everything; raises RunFailed."""
        self._charts.begin(self._pins)
        with self._opened(builds=True) as stack:
            if self.gave_up():
                # A deletion was given up: what was asked to go goes all the same.
                self._run(stack.refresh, None)
            result = self._run(partial(stack.up, parallel=AT_ONCE), on_event)
            if not self.engine.interrupted:
                self._doubtful.unlink(missing_ok=True)
            return result

    def preview(self, on_event: OnEvent | None = None) -> Result:
        """What `up` would do; raises RunFailed."""
        self._charts.begin(self._pins)
        with self._opened() as stack:
            return self._run(stack.preview, on_event)

    def plan(self, on_event: OnEvent | None = None) -> dict[str, Any]:
        """The engine's plan of an `up`, in its own JSON form: each resource's goal with what it depends on.

        A stack that did not exist before does not exist afterwards. Raises RunFailed.
        """
        existed = self.exists()
        file = self._work / "plan.json"
        self._charts.begin(self._pins)
        with self._opened() as stack:
            try:
                self._run(partial(stack.preview, plan=str(file)), on_event)
                return json.loads(file.read_text())
            finally:
                # It holds the settings in plain.
                file.unlink(missing_ok=True)
                if not existed:
                    stack.workspace.remove_stack(self.name)

    def refresh(self, on_event: OnEvent | None = None) -> Result:
        """Read every resource again into the state; raises RunFailed."""
        with self._opened(builds=False) as stack:
            return self._run(stack.refresh, on_event)

    def destroy(self, on_event: OnEvent | None = None) -> Result:
        """Delete everything and forget the stack; raises RunFailed."""
        with self._opened(builds=False) as stack:
            result = self._run(partial(stack.destroy, parallel=AT_ONCE), on_event)
            if self.resources():
                # An interrupted destroy ends as if it had done its work.
                raise RunFailed("It was stopped before everything was deleted.")
            stack.workspace.remove_stack(self.name)
            self._doubtful.unlink(missing_ok=True)
            return result

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs as the last run left them; secret ones are masked."""
        for resource in self.resources():
            if resource["type"] == "pulumi:pulumi:Stack":
                return unwrapped(resource.get("outputs", {}))
        return {}

    def resources(self) -> list[dict[str, Any]]:
        """Every resource in the state, in the engine's own JSON form (secrets encrypted)."""
        return self._latest().get("resources") or []

    def export(self) -> dict[str, Any]:
        """The state in the engine's own form, as `pulumi stack export` has it."""
        if not self.exists():
            return {"deployment": {}}
        return {"version": self._kept()["version"], "deployment": self._latest()}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Put another state in its place; to be called by `put_right`. Raises CommandError."""
        file = self._work / "state.json"
        file.touch(mode=0o600)
        try:
            file.write_text(json.dumps(kept))
            self.engine.run(["stack", "import", "--file", str(file), "--stack", self.name], str(self._work), {})
        finally:
            file.unlink()

    def to_create(self) -> list[dict[str, Any]]:
        """What an `up` would create, in the state's own form; to be called by `put_right`. Raises RunFailed."""
        if self._opened_stack is None:
            raise RuntimeError("the stack is not open")
        found: list[dict[str, Any]] = []

        def take(event: auto.EngineEvent) -> None:
            metadata = event.resource_pre_event.metadata if event.resource_pre_event else None
            if metadata and metadata.new and str(getattr(metadata.op, "value", metadata.op)) == "create":
                new = metadata.new
                told = {"urn": new.urn, "type": new.type, "custom": bool(new.custom), "inputs": new.inputs}
                beside = {"parent": new.parent, "provider": new.provider}
                found.append({**told, **{key: value for key, value in beside.items() if value}})

        with environment(PREVIEW, set()):
            self._run(self._opened_stack.preview, take)
        return found

    def delete(self, urns: Collection[str]) -> None:
        """Delete these resources, for real and from the state; to be called by `put_right`. Raises CommandError."""
        targets = [part for urn in urns for part in ("--target", urn)]
        self.engine.run(["destroy", "--yes", "--skip-preview", "--stack", self.name, *targets], str(self._work), {})

    def last_update_failed(self) -> bool:
        """Whether the last update of the stack failed or was stopped, by the engine's own history."""
        history = self._root / "backend" / ".pulumi" / "history" / self._project / self.name
        kept = sorted(history.glob("*.history.json"), reverse=True)
        told: Iterator[dict[str, Any]] = (json.loads(file.read_text()) for file in kept)
        return next((one.get("result") != "succeeded" for one in told if one.get("kind") == "update"), False)

    def gave_up(self) -> bool:
        """Whether a deletion failed or was stopped, and no `up` has ended since."""
        return self._doubtful.exists()

    def _latest(self) -> dict[str, Any]:
        return self._kept()["checkpoint"].get("latest") or {} if self.exists() else {}

    def _kept(self) -> dict[str, Any]:
        return json.loads(self._checkpoint.read_text())

    def _lay_out(self) -> dict[str, str]:
        """Make the workspace: project and stack files, plug-in launchers, the passphrase.

        Returns the settings that are still to be encrypted. Only to be called when no engine runs, which has files
        of its own there.
        """
        for directory in (self._work, self._root / "backend", self._root / "plugins"):
            directory.mkdir(parents=True, exist_ok=True)
        passphrase = self._root / "passphrase"
        if not passphrase.exists():
            passphrase.touch(mode=0o600)
            passphrase.write_text(secrets.token_urlsafe(24))
        project = stack_files.project_settings(self._project_file.read_text(), self._project_file.name)
        # The program comes from this process: the project's own entry and virtualenv are not used.
        project.pop("main", None)
        project["runtime"] = "python"
        (self._work / "Pulumi.yaml").write_text(stack_files.written(project))
        settings = self._settings(self._stack_file)
        kept = self._work / self._stack_file.name
        if kept.exists():
            # The engine keeps this stack's key salt in its copy of the file, which a kill may have cut off.
            settings |= {k: v for k, v in self._settings(kept).items() if k.startswith("encryption")}
        config: dict[str, Any] = settings.get("config") or {}
        to_encrypt = {
            key: str(config.pop(key)) for key in self._secret_keys & config.keys() if not isinstance(config[key], dict)
        }
        kept.write_text(stack_files.written(settings))
        launch.lay_out(self._root / "plugins", self._bin_dir, self._pids, self._root / "kubernetes")
        return to_encrypt

    def _settings(self, file: Path) -> dict[str, Any]:
        return stack_files.stack_settings(file.read_text(), file.name, self._project)

    def environment(self) -> dict[str, str]:
        """What the engine and its plug-ins see beside the caller's own environment."""
        path = [self._root / "plugins", self._bin_dir, Path(sys.executable).parent]
        return {
            **self.world.env(),
            "PATH": os.pathsep.join([*map(str, path), os.environ.get("PATH", os.defpath)]),
            "PULUMI_HOME": str(self._root / "home"),
            # Without sidecar files: one that a kill cut off makes the whole state unreadable.
            "PULUMI_BACKEND_URL": f"file://{self._root / 'backend'}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self._root / "passphrase"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    @contextmanager
    def alone(self) -> Generator[None]:
        """Nobody else works on this stack in the block, nor in a block inside of it; raises AlreadyRunning."""
        with ExitStack() as held:
            if not self._holds:
                held.enter_context(at_work.alone(self._root / "at-work", self._command))
            self._holds += 1
            try:
                yield
            finally:
                self._holds -= 1

    @contextmanager
    def _opened(self, *, builds: bool | None = None) -> Generator[auto.Stack]:
        """The stack; with `builds` given it is to be changed, and what a killed run left is put right first."""
        # The program itself runs in this process and looks things up by boto3: it must see the
        # emulator too, and no credentials of the user's.
        with self.alone(), environment(self.environment(), self.world.unset() | {"PULUMI_CONFIG_PASSPHRASE"}):
            try:
                stack = self._opened_stack = self._open()
                if builds is not None:
                    self._put_right(self, builds)
            except auto.CommandError as error:
                raise refused(said(error)) from error
            yield stack

    def _open(self) -> auto.Stack:
        """The stack, made when there is none. Raises AlreadyRunning."""
        recovery.clear_locks(self.world.dir / recovery.LOCKS, self.name)
        self._pids.mkdir(parents=True, exist_ok=True)
        launch.end(self._pids)
        recovery.restore_checkpoint(self._checkpoint)
        to_encrypt = self._lay_out()
        workspace = Workspace(work_dir=str(self._work), program=self._play, pulumi_command=self.engine)
        mode = StackInitMode.SELECT if self.exists() else StackInitMode.CREATE
        stack = EngineStack(self.name, workspace, mode)
        for key, value in to_encrypt.items():
            self.engine.tell(["config", "set", "--secret", key, "--stack", self.name], str(self._work), value)
        return stack

    def _play(self) -> None:
        """The program, with what the rehearsal changes in its resources."""
        transforms.register(self._endpoints, self._refused.append)
        try:
            Releases(self._charts, self._pins, self.resources()).around(self._program)
        except BadReleases as error:
            self._refused.append(str(error))
            raise

    def _endpoints(self) -> list[str]:
        return [cluster["endpoint"] for cluster in self.world.status()["clusters"].values()]

    def _run(self, operation: Callable[..., Any], on_event: OnEvent | None) -> Result:
        if self.engine.interrupted:
            # By what came before: a refresh that is stopped ends as if it had done its work.
            raise RunFailed("It was stopped before it began.")
        result = Result()
        errors: list[str] = []
        self._refused.clear()

        def watch(event: auto.EngineEvent) -> None:
            if event.summary_event:
                result.changes = {
                    str(getattr(op, "value", op)): n for op, n in event.summary_event.resource_changes.items()
                }
            diagnostic = event.diagnostic_event
            if diagnostic and diagnostic.severity == "error":
                errors.append(diagnostic.message.strip())
            failed = event.res_op_failed_event
            if failed and "delete" in str(getattr(failed.metadata.op, "value", failed.metadata.op)):
                self._doubtful.touch()
            if on_event:
                on_event(event)

        try:
            operation(on_event=watch, color="never")
        except auto.CommandError as error:
            told = self._refused or causes(errors)
            raise refused("\n".join(told) or said(error)) from error
        finally:
            # Whoever comes next may remove the world, in which an interrupted program would go on to write.
            language_server.wait_for_program()
        result.outputs = self.outputs()
        return result
