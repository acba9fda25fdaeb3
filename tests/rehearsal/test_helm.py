"""The `helm` of a shell without a lab: whose program it is, and where charts of repositories come from.

What Helm does with a cluster is typed in test_note.py and test_shell.py.
"""

import os
import subprocess
from pathlib import Path

import pytest

from cli import shell_helm
from infra.versions import AWS_LOAD_BALANCER_CONTROLLER, KUBE_OPS_VIEW
from rehearsal.toolchain import cache
from tests.charts import packed

EKS = "https://aws.github.io/eks-charts"
COOKBOOK = "https://geek-cookbook.github.io/charts/"


class Shell:
    """A shell's directory with `helm` and nothing else in it, and a directory of archives."""

    def __init__(self, root: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.charts = root / "it's charts"
        self.charts.mkdir()
        monkeypatch.setenv("MYEKS_LAB_CHARTS", str(self.charts))
        directory = root / "shells" / "one"
        self.bin = directory / "bin"
        self.bin.mkdir(parents=True)
        variables = shell_helm.lay(directory)
        self.write(self.bin / "helm", f"export LAB_SHELL='{directory}'\n{shell_helm.script(built)}")
        self.env = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": str(root / "home"),
            "KUBECONFIG": str(root / "none"),
            "MYEKS_LAB_OFFLINE": "1",
            **variables,
        }

    @staticmethod
    def write(file: Path, script: str) -> None:
        """Make a program of a shell script."""
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}")
        file.chmod(0o700)

    def offer(self, name: str, version: str) -> None:
        """Put one of our charts into the directory."""
        (self.charts / f"{name}-{version}.tgz").write_bytes(packed(name, version=version))

    def type(self, line: str, code: int = 0) -> str:
        """What a line shows, standard error included."""
        ended = subprocess.run(
            ["sh", "-c", f"{line} 2>&1"], env=self.env, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == code, ended.stdout
        return ended.stdout


@pytest.fixture(scope="module")
def built() -> Path:
    return cache.ensure(print, extra=["helm"]) / "helm"


@pytest.fixture
def shell(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, built, monkeypatch)


def test_it_is_the_real_one_of_the_pinned_version(shell: Shell) -> None:
    assert shell.type("helm version --template '{{.Version}}'") == cache.version_of("helm")


def test_a_repository_out_of_reach_has_the_charts_of_the_directory(shell: Shell) -> None:
    shell.offer("aws-load-balancer-controller", AWS_LOAD_BALANCER_CONTROLLER.version)
    shell.offer("kube-ops-view", KUBE_OPS_VIEW.version)
    shell.offer("kube-ops-view", "1.2.2")
    (shell.charts / "broken-1.0.0.tgz").write_bytes(b"no archive")
    told = shell.type(f"helm repo add eks {EKS}")
    assert told.splitlines() == [
        f"helm: {EKS} is not reached from here: its charts come from {shell.charts}.",
        '"eks" has been added to your repositories',
    ]
    shell.type(f"helm repo add geek-cookbook {COOKBOOK}")
    # The lab takes kube-ops-view 8.3.3 from another repository; that is why neither of these has it.
    rows = [line.split()[:2] for line in shell.type("helm search repo --versions").splitlines()[1:]]
    assert rows == [
        ["eks/aws-load-balancer-controller", AWS_LOAD_BALANCER_CONTROLLER.version],
        ["eks/kube-ops-view", "1.2.2"],
        ["geek-cookbook/kube-ops-view", "1.2.2"],
    ]
    made = shell.type("helm template x geek-cookbook/kube-ops-view --version 1.2.2 --set service.type=NodePort")
    assert "type: NodePort" in made


def test_the_archive_that_is_wanted_is_named_and_used_once_it_is_there(shell: Shell) -> None:
    shell.type(f"helm repo add geek-cookbook {COOKBOOK}")
    line = "helm template x geek-cookbook/kube-ops-view"
    wanted = f"is wanted in {shell.charts}. Put it there, and type helm repo update."
    assert shell.type(line, code=1).splitlines()[-1] == f"helm: kube-ops-view-VERSION.tgz {wanted}"
    told = shell.type(f"{line} --version=1.2.2", code=1)
    assert told.splitlines()[-1] == f"helm: kube-ops-view-1.2.2.tgz {wanted}"
    shell.offer("kube-ops-view", "1.2.2")
    assert "1.2.2" in shell.type(f"helm repo update && helm show chart {line.split()[-1]}")
    # What else is wrong is Helm's own to tell.
    assert "is wanted" not in shell.type(f"{line} --version 1.2.2 --set-file a=/none", code=1)


@pytest.mark.parametrize(
    ("offline", "curl", "added"),
    [
        # Whoever answers, whatever the answer: what is wrong with it is Helm's to tell.
        ("", 0, EKS),
        ("", 60, EKS),
        ("", 6, "lab://aws.github.io/eks-charts"),
        ("", 28, "lab://aws.github.io/eks-charts"),
        ("1", 0, "lab://aws.github.io/eks-charts"),
    ],
)
def test_a_repository_that_answers_is_helms_alone(
    shell: Shell, tmp_path: Path, offline: str, curl: int, added: str
) -> None:
    users = tmp_path / "users"
    shell.write(users / "helm", 'echo "$@"\n')
    shell.write(users / "curl", f"exit {curl}\n")
    shell.env |= {"MYEKS_LAB_OFFLINE": offline, "PATH": f"{shell.bin}:{users}:/usr/bin:/bin"}
    told = shell.type(f"helm repo add --force-update eks {EKS} --username 'a b'").splitlines()
    assert told[-1] == f"repo add --force-update eks {added} --username a b"
    assert len(told) == (1 if added == EKS else 2)


def test_repositories_are_the_shells_own(shell: Shell) -> None:
    shell.type(f"helm repo add eks {EKS}")
    assert "lab://aws.github.io/eks-charts" in shell.type("helm repo list")
    assert not Path(shell.env["HOME"]).exists()


def test_the_users_own_program_comes_first(shell: Shell, tmp_path: Path) -> None:
    shell.write(tmp_path / "users" / "helm", 'echo "theirs: $*"\n')
    # A shell in a shell has both directories on PATH.
    shell.write(tmp_path / "shells" / "two" / "helm", "echo ours\n")
    shell.env["PATH"] = f"{shell.bin}:{tmp_path}/shells/two:{tmp_path}/users:/usr/bin:/bin"
    assert shell.type("helm version 'a b'") == "theirs: version a b\n"


def test_it_is_built_at_the_first_call_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "built" / "helm"
    shell = Shell(tmp_path, place, monkeypatch)
    shell.env["PATH"] = f"{shell.bin}:/usr/bin:/bin"
    shell.write(shell.bin / "lab", "echo cannot be built; exit 3\n")
    assert "cannot be built" in shell.type("helm version", code=3)
    place.parent.mkdir()
    shell.write(
        shell.bin / "lab",
        f"[ \"$*\" = build-helm ] || exit 9\nprintf '#!/bin/sh\\necho \"$@\"\\n' >'{place}'; chmod 700 '{place}'\n",
    )
    assert shell.type("helm version").splitlines() == [
        "helm: This machine has no Helm: it is built now, once, which takes some minutes.",
        "version",
    ]
    shell.write(shell.bin / "lab", "exit 9\n")
    assert shell.type("helm version") == "version\n"
