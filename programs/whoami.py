"""kubectl whoami, as of github.com/rajatjindal/kubectl-whoami v0.0.48: the user that the API server takes one for.

The plug-in shows its own token to the API server by a TokenReview; SelfSubjectReview tells the same without one. As
with the plug-in, without the right to create a TokenReview only the name is shown.
"""

from grading.requests import ResourceRequest
from operations.rbac.cluster_reader import Reader, Self
from programs import text
from programs.cluster import Parser, add_options, asking, options_of

VERSION = "v0.0.48"
TOKEN_REVIEW = ResourceRequest("create", "authentication.k8s.io", "tokenreviews")


def main(arguments: list[str]) -> None:
    """Print the user's name; with --all the groups and the ARN too."""
    parser = Parser("kubectl whoami", "Show who the current context of the kubeconfig is.")
    parser.add_argument("--all", action="store_true", help="groups and ARN too")
    parser.add_argument("--version", action="store_true", help="the plug-in's version")
    add_options(parser)
    given = parser.parse_args(arguments)
    if given.version:
        text.show([VERSION])
        return
    with asking(options_of(given)) as reader:
        seen, whole = seen_by(reader, whole=given.all)
    text.show(lines(seen) if whole else [seen.identity.user])
    if given.all and not whole:
        text.tell("To see groups you need the right to create tokenreviews.")
    text.hint("whocan me")


def seen_by(reader: Reader, *, whole: bool = True) -> tuple[Self, bool]:
    """Who the caller is; and whether the plug-ins would know more than the name."""
    return reader.myself(), whole and reader.may_i([TOKEN_REVIEW])[0]


def lines(seen: Self) -> list[str]:
    """What --all shows."""
    arn = seen.extra.get("arn", ())
    return [
        f"User:\t{seen.identity.user}",
        "Groups:",
        *(f"\t{group}" for group in seen.identity.groups),
        *(("ARN:", *(f"\t{one}" for one in arn)) if arn else ()),
    ]
