"""K02: each untrusted image is off the list in its own way, so that each half of a rule lets one of them through."""

from __future__ import annotations

from exercises.k02.images import ELSEWHERE, NEXT_WEB, REGISTRY, TOOLS, UNTRUSTED, WEB

ALLOWED = (WEB, NEXT_WEB, TOOLS)
DIGESTS = tuple(image.partition("@")[2] for image in ALLOWED)


def of_registry(image: str) -> bool:
    return image.startswith(f"{REGISTRY}/")


def by_digest(image: str) -> bool:
    return any(image.endswith(f"@{digest}") for digest in DIGESTS)


def test_what_is_allowed_is_on_the_list() -> None:
    assert all(of_registry(image) and by_digest(image) for image in ALLOWED)
    assert len(set(DIGESTS)) == len(ALLOWED)


def test_what_is_untrusted_has_no_allowed_digest() -> None:
    assert not any(by_digest(image) for image in UNTRUSTED.values())


def test_a_rule_for_the_registry_alone_lets_two_through() -> None:
    assert {name for name, image in UNTRUSTED.items() if of_registry(image)} == {"tag", "unknown-digest"}


def test_a_rule_for_any_digest_lets_two_through() -> None:
    assert {name for name, image in UNTRUSTED.items() if "@sha256:" in image} == {"other-registry", "unknown-digest"}


def test_a_rule_for_the_text_of_a_digest_lets_one_through() -> None:
    assert {name for name, image in UNTRUSTED.items() if image.endswith(DIGESTS)} == {"digest-as-tag"}


def test_the_foreign_registry_is_no_part_of_the_allowed_one() -> None:
    assert not ELSEWHERE.startswith(REGISTRY)
