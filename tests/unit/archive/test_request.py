"""A request is read as it was meant, or refused with the line that is wrong."""

import json

import pytest

from orchard.archive.errors import RequestError, SourceMissingError
from orchard.archive.request import MOST_BYTES, MOST_SOURCES, read_request, write_request
from orchard.options import RunOptions

URI = "s3://in/fruits.orchard.json"
SOURCES = ("s3://in/a.zip", "s3://in/ü, b/")


def test_what_is_written_is_read() -> None:
    options = RunOptions(components=5, fit_split="Training")
    request = read_request(URI, write_request(SOURCES, options))
    assert (request.sources, request.options, request.lines) == (SOURCES, options, (3, 4))


def test_what_is_asked_of_an_earlier_run_is_read() -> None:
    refit = read_request(URI, write_request((), RunOptions(components=5, max_usd=2.0), features_of="Fruits_1"))
    assert (refit.features_of, refit.sources, refit.components_of) == ("Fruits_1", (), "")
    assert refit.options == RunOptions(components=5, max_usd=2.0)
    new = read_request(URI, write_request(SOURCES, RunOptions(), components_of="fruits-0123456789ab"))
    assert (new.components_of, new.sources, new.features_of) == ("fruits-0123456789ab", SOURCES, "")
    assert new.options == RunOptions()


def test_options_may_be_left_out_and_hadoops_schemes_mean_the_same() -> None:
    request = read_request(URI, b'\xef\xbb\xbf{"sources": ["s3a://in/a.ZIP", "s3n://in/"]}')
    assert (request.sources, request.options) == (("s3://in/a.ZIP", "s3://in/"), RunOptions())


def with_sources(*sources: object) -> str:
    return json.dumps({"sources": sources}, indent=1)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('{"sources":\n["s3://in/a.zip",]}', 2, "it is not JSON"),
        ("", 1, "it is not JSON"),
        ("[" * 100_000, 1, "it is not JSON that can be read"),
        ('["s3://in/a.zip"]', 1, "a request is an object"),
        ("{}", 1, '"sources" has to be a list'),
        ('{\n"sources": "s3://in/a.zip"}', 2, '"sources" has to be a list'),
        ('{\n"sources": []}', 2, '"sources" has to be a list'),
        (with_sources("s3://in/a.zip", 7), 2, "and 7 is none"),
        ('{"sources": ["s3://in/a.zip"],\n\n"feature_of": "x"}', 3, "a request has no 'feature_of'"),
        ('{"features_of": "r",\n"sources": ["s3://in/a.zip"]}', 2, "sources is for new ones"),
        ('{"features_of": "r",\n"components_of": "q"}', 2, "components_of is for new ones"),
        ('{"features_of": "r",\n"options": {\n"engine": "tensorflow"}}', 3, "engine was decided when"),
        ('{"options": {},\n"features_of": 7}', 2, '"features_of" has to be the whole id of a run in quotes, and 7'),
        ('{"features_of": "runs/r"}', 1, "the whole id of a run"),
        ('{"sources": ["s3://in/a.zip"],\n"components_of": ""}', 2, '"components_of" has to be the whole id'),
        (
            '{"sources": ["s3://in/a.zip"],\n"components_of": "q", "options": {"model": "m",\n"fit_split": "Test"}}',
            3,
            "fit_split says which components are fitted, and those of q are taken as they are",
        ),
        ('{"components_of": "q"}', 1, '"sources" has to be a list'),
        ('{"sources": ["s3://in/a.zip"],\n"sources": ["s3://in/b.zip"]}', 2, "'sources' is given twice"),
        ('{"sources": ["s3://in/a.zip"],\n"options": {\n"colour": 1}}', 3, "there is no option"),
        ('{"sources": ["s3://in/a.zip"],\n"options": {\n"variance": 7}}', 3, "The option variance cannot be 7"),
        ('{"sources": ["s3://in/a.zip"],\n"options": {"variance": 0.9, "components": 5}}', 2, "not both"),
        ('{"sources": ["s3://in/a.zip"],\n"options": [1]}', 2, "not a JSON object: [1]"),
        (with_sources("s3://in/a.zip", URI), 4, "it names itself"),
        (with_sources("s3://in/a.zip", "s3://in/x.ORCHARD.json"), 4, "another request"),
        (with_sources("s3://in/a.zip", "s3://in/b.zip", "s3://in/a.zip"), 5, "named twice"),
        (with_sources("s3://in/a.zip", "s3a://in/a.zip"), 4, "named twice"),
        (with_sources("s3://in/x/", "s3://in/x/y/"), 4, "is in 's3://in/x/', and would be read twice"),
        (with_sources("s3://in/x/y/", "s3://in/"), 3, "is in 's3://in/', and would be read twice"),
        (with_sources("fruits.zip"), 3, "is no address in S3"),
        (with_sources("s3://in"), 3, "is no address in S3"),
        (with_sources("https://in.example/a.zip"), 3, "is no address in S3"),
        (with_sources("s3://in/fruits"), 3, "is neither a zip nor a prefix"),
        (with_sources("s3://in/\ud800.zip"), 3, "half of a surrogate pair"),
        (with_sources(*(f"s3://in/{n}.zip" for n in range(10_000))), 2, "it names 10,000 sources"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(RequestError) as refused:
        read_request(URI, text.encode())
    assert refused.value.cause.startswith(f"line {line}: ")
    assert words in refused.value.cause
    assert refused.value.headline == "fruits.orchard.json is no request that can be run"
    assert refused.value.next_command.startswith("aws s3 cp s3://in/fruits.orchard.json -")


@pytest.mark.parametrize(
    ("content", "words"), [(b"{\n\xff}", "line 2: it is not JSON: its text"), (b" " * (MOST_BYTES + 1), "at most")]
)
def test_what_is_no_text_or_too_much_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        read_request(URI, content)


def test_a_thousand_of_the_longest_sources_are_read() -> None:
    sources = [f"s3://{'b' * 63}/{n:04}{'k' * 1016}.zip" for n in range(MOST_SOURCES)]
    assert read_request(URI, write_request(sources, RunOptions())).lines[-1] == MOST_SOURCES + 2


def test_what_is_wrong_with_a_source_later_is_said_with_its_line_too() -> None:
    request = read_request(URI, write_request(SOURCES, RunOptions()))
    with pytest.raises(SourceMissingError) as missing, request.at(1):
        raise SourceMissingError.at(SOURCES[1], "nothing is there")
    assert missing.value.cause == "line 4 of fruits.orchard.json, s3://in/ü, b/: nothing is there"
