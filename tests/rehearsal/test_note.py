"""The study note, typed from its first line to its last into one lab, as a learner does it.

Each chapter is a test of its own, and names every line that does not do what tests/rehearsal/note/lines/ says, with
what it printed. The lines share their shells; so a chapter is typed after all that come before it, also when it is
asked for alone.
"""

from collections.abc import Iterator

import pytest

from infra.versions import CHARTS
from tests.charts import packed
from tests.rehearsal.conftest import Lab
from tests.rehearsal.note.lines import chapters
from tests.rehearsal.note.typist import Typist

DOMAIN = "bocopile.com"
"""The domain that the note's ~/.zshrc names."""
BY_HAND = (("kube-ops-view", "1.2.2"), ("kube-prometheus-stack", "69.3.1"))
"""Charts that the note installs itself, at its own versions."""


@pytest.fixture(scope="module")
def typist(lab: Lab) -> Iterator[Typist]:
    """Sits before a lab that stands as the note's does, with charts of ours that have the real ones' names."""
    # No line gets an answer from outside, whether or not the machine reaches the internet.
    (lab.home / ".curlrc").write_text('proxy = "127.0.0.1:9"\nnoproxy = "127.0.0.1,localhost"\n')
    for name, version in (*((chart.name, chart.version) for chart in CHARTS), *BY_HAND):
        (lab.charts / f"{name}-{version}.tgz").write_bytes(packed(name, version=version))
    lab.has("external-dns", "helm")
    lab("up")
    zone = lab.sh(
        f"aws route53 create-hosted-zone --name {DOMAIN} --caller-reference 1 --query HostedZone.Id --output text"
    )
    certificate = lab.sh(
        f"aws acm request-certificate --domain-name '*.{DOMAIN}' --validation-method DNS --output text"
    )
    lab.set(domain=DOMAIN, hostedZoneId=zone.strip().rpartition("/")[2], certificateArn=certificate.strip())
    lab("up")
    made = Typist(lab)
    yield made
    made.close()


@pytest.mark.parametrize("chapter", [chapter.name for chapter in chapters()])
def test_every_line_does_what_the_page_says(typist: Typist, chapter: str):
    failed = [outcome for outcome in typist.chapter(chapter) if outcome.wrong]
    assert not failed, f"{len(failed)} lines:\n\n" + "\n".join(str(outcome) for outcome in failed)
