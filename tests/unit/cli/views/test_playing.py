"""Texts of exercises on a terminal: paragraphs at its width, commands as they stand."""

from cli.views.playing import paragraphs

LONG = "A sentence that fills nearly all of a line of the text file, so that the next word has no room in it at all and"


def test_a_line_that_the_file_had_to_break_is_joined_with_the_next():
    assert list(paragraphs(f"{LONG}\ngoes on here.\nAnother paragraph.\n")) == [
        f"{LONG} goes on here.",
        "Another paragraph.",
    ]


def test_a_command_stays_on_a_line_of_its_own():
    told = "First this:\nkubectl get pods -n a\nThen\naws sts get-caller-identity\n./lab check k03\nand look."
    assert list(paragraphs(told)) == [
        "First this:",
        "kubectl get pods -n a",
        "Then",
        "aws sts get-caller-identity",
        "./lab check k03",
        "and look.",
    ]


def test_nothing_is_nothing():
    assert list(paragraphs("\n")) == []
