"""Text of unknown origin: shown and never sent to a terminal, a mail or a log as it is; and still to be pasted."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.errors import in_quotes, quoted, shown, shown_lines


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("my früits 🍐.zip", "my früits 🍐.zip"),
        ("a\x1b[2J\x1b]0;owned\x07.zip", r"a\x1b[2J\x1b]0;owned\x07.zip"),
        ("a\nRun  SUCCEEDED\r\t.zip", r"a\nRun  SUCCEEDED\r\t.zip"),
        ("gnp.\u202epiz", r"gnp.\u202epiz"),
        ("a\u2066b\u200b\ufeff", r"a\u2066b\u200b\ufeff"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("half \ud83c", r"half \ud83c"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("no\xa0break", r"no\xa0break"),
    ],
)
def test_what_is_not_printable_is_written_as_what_it_is(text: str, told: str) -> None:
    assert shown(text) == told
    assert told.encode()


def test_lines_stay_lines_where_there_may_be_some() -> None:
    assert shown_lines("a\n\tb\x1b\r\n") == "a\n\tb\\x1b\\r\n"


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_whatever_is_shown_is_printable_and_can_be_encoded(text: str) -> None:
    for told in (shown(text), shown_lines(text).replace("\n", "").replace("\t", ""), in_quotes(text), quoted(text)):
        assert told.isprintable()
        told.encode()


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
def test_a_quoted_word_is_that_word_again_in_a_shell(word: str) -> None:
    told = subprocess.run(["bash", "-c", f"printf %s {quoted(word)}"], capture_output=True, check=True)
    assert told.stdout.decode() == word
