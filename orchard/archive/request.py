"""A request: an object that names what one run reads, where that is more than one zip, or no zip.

    {"sources": ["s3://bucket/a.zip", "s3://bucket/prefix/"], "options": {"components": 50}}

Or it names an earlier run, to fit other components on its features:

    {"features_of": "fruits-0123456789ab", "options": {"components": 50}}

And a request with sources may name the run onto whose components they are projected, in `components_of`. A run is named
by its whole id: what the beginning of one means changes with the next run.

An error names the line that is wrong, for whoever wrote it by hand.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchard.archive.errors import RequestError, SourceUnreachableError
from orchard.errors import ArchiveError, OptionsError, in_quotes
from orchard.layout import ObjectAddress, is_run_name
from orchard.options import FITTING, REFIT_OPTIONS, RunOptions
from orchard.pipeline.kinds import Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MOST_BYTES = 2 * 2**20
"""Of a request: the longest keys there are, a thousand times."""

MOST_SOURCES = 1000

_LONGEST_BUCKET, _LONGEST_KEY = 63, 1024  # bytes ("Object key naming guidelines", Amazon S3 User Guide)

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAMES = ("sources", "features_of", "components_of", "options")


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes:
        uri: The request itself.
        sources: Addresses of zips, and of prefixes, which end with a slash; none twice, and none if and only if the
            features of an earlier run are meant.
        lines: The line of each source.
        features_of: The run whose features they are; "" for none.
        components_of: The run onto whose components the sources are projected; "" for none.
    """

    uri: str
    sources: tuple[str, ...]
    options: RunOptions = field(default_factory=RunOptions)
    lines: tuple[int, ...] = ()
    features_of: str = ""
    components_of: str = ""

    @contextmanager
    def at(self, number: int) -> Iterator[None]:
        """Say of what is wrong with a source on which line it stands."""
        try:
            yield
        except SourceUnreachableError:
            raise
        except ArchiveError as error:
            where = f"line {self.lines[number]} of {self.uri.rpartition('/')[2]}, {self.sources[number]}"
            raise type(error)(error.headline, f"{where}: {error.cause}", error.next_command) from error


def write_request(
    sources: Sequence[str], options: RunOptions, *, features_of: str = "", components_of: str = ""
) -> bytes:
    """The text of a request, one line a source; what it does not name is left out."""
    chosen = json.loads(options.to_metadata())
    if features_of:
        chosen = {name: value for name, value in chosen.items() if name in REFIT_OPTIONS}
    if components_of:
        chosen = {name: value for name, value in chosen.items() if name not in FITTING}
    asked = {"sources": list(sources), "features_of": features_of, "components_of": components_of}
    named = {name: value for name, value in asked.items() if value}
    return json.dumps({**named, "options": chosen}, indent=2, ensure_ascii=False).encode()


def read_request(uri: str, content: bytes) -> Request:
    """Read a request.

    Raises:
        RequestError: It is no valid request; the error names the line.
    """
    text = _decoded(uri, content)
    try:
        given = json.loads(text, object_pairs_hook=lambda pairs: _object(uri, text, pairs))
    except json.JSONDecodeError as error:
        raise _error(uri, error.lineno, f"it is not JSON: {error.msg}, at character {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise _error(uri, 1, "it is not JSON that can be read: numbers or lists beyond all measure") from error
    if not isinstance(given, dict):
        raise _error(uri, 1, "a request is an object with sources or features_of, and this is none")
    for name in given:
        if name not in _NAMES:
            raise _error(uri, _line(text, name), f"a request has no {in_quotes(name)}; it has {', '.join(_NAMES)}")
    options = _options(uri, text, given.get("options"))
    if "features_of" in given:
        return _of_features(uri, text, given, options)
    components_of = _onto(uri, text, given) if "components_of" in given else ""
    plain, lines = _sources(uri, text, given.get("sources"))
    return Request(uri, plain, options, lines, components_of=components_of)


def _of_features(uri: str, text: str, given: dict[str, Any], options: RunOptions) -> Request:
    """A request for other components of an earlier run, which says what the features are."""
    for name in ("sources", "components_of"):
        if name in given:
            cause = f"features_of names images and features that exist, and {name} is for new ones: write one of them"
            raise _error(uri, _line(text, name), cause)
    for name in given.get("options") or ():
        if name not in REFIT_OPTIONS:
            cause = f"{name} was decided when the features were computed; here are {', '.join(REFIT_OPTIONS)}"
            raise _error(uri, _line(text, name), cause)
    return Request(uri, (), options, features_of=_run(uri, text, given, "features_of"))


def _onto(uri: str, text: str, given: dict[str, Any]) -> str:
    """The run onto whose components the sources are projected, which has decided which these are."""
    run = _run(uri, text, given, "components_of")
    for name in given.get("options") or ():
        if name in FITTING:
            cause = f"{name} says which components are fitted, and those of {run} are taken as they are"
            raise _error(uri, _line(text, name), cause)
    return run


def _run(uri: str, text: str, given: dict[str, Any], name: str) -> str:
    run = given[name]
    if not isinstance(run, str) or not is_run_name(run):
        cause = f'"{name}" has to be the whole id of a run in quotes, and {json.dumps(run)[:80]} is none'
        raise _error(uri, _line(text, name), cause)
    return run


def _sources(uri: str, text: str, sources: object) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The sources that a request names, plain, and the line of each."""
    at = _line(text, "sources")
    if not isinstance(sources, list) or not sources:
        raise _error(uri, at, '"sources" has to be a list of addresses, one at least')
    if len(sources) > MOST_SOURCES:
        cause = f"it names {len(sources):,} sources, and a run takes {MOST_SOURCES:,}; a prefix is one"
        raise _error(uri, at, cause)
    lines, seen = [], Counter[str]()
    for source in sources:
        if not isinstance(source, str):
            raise _error(uri, at, f"a source has to be an address in quotes, and {json.dumps(source)[:80]} is none")
        lines.append(_line(text, source, seen[source]))
        seen[source] += 1
    plain = plain_sources(sources)
    for number, cause in faults(plain, uri):
        raise _error(uri, lines[number], cause)
    return plain, tuple(lines)


def plain_sources(sources: Iterable[str]) -> tuple[str, ...]:
    """Addresses in one spelling: Hadoop's schemes mean the same."""
    return tuple(re.sub(r"\As3[an]://", "s3://", source) for source in sources)


def faults(sources: Sequence[str], request: str = "") -> Iterator[tuple[int, str]]:
    """What is wrong with a list of sources, before anything is looked up: the number of the source, and the cause.

    Args:
        sources: Their addresses, plain.
        request: The address of the request that names them.
    """
    number_of: dict[str, int] = {}
    for number, source in enumerate(sources):
        if cause := _fault(source, request):
            yield number, cause
        elif source in number_of:
            yield number, f"{in_quotes(source)} is named twice, and would be read twice"
        number_of[source] = number
    outer = ""
    for prefix in sorted(source for source in number_of if source.endswith("/")):
        if outer and prefix.startswith(outer):
            yield number_of[prefix], f"{in_quotes(prefix)} is in {in_quotes(outer)}, and would be read twice"
        else:
            outer = prefix


def _fault(source: str, request: str) -> str:
    try:
        source.encode()
        address = ObjectAddress.parse(source)
    except UnicodeEncodeError:
        return "its key contains half of a surrogate pair, which cannot be sent to S3"
    except ValueError:
        return f"{in_quotes(source)} is no address in S3: a zip's is s3://bucket/key.zip, a prefix's s3://bucket/key/"
    for what, name, most in (("bucket", address.bucket, _LONGEST_BUCKET), ("key", address.key, _LONGEST_KEY)):
        if (length := len(name.encode())) > most:
            return f"{in_quotes(source)} has a {what} of {length:,} bytes, and S3 takes {most:,}"
    kind = kind_of(address.key) if address.key else Kind.FOLDER
    if source == request:
        return "it names itself as a source"
    if kind is Kind.REQUEST:
        return f"{in_quotes(source)} is another request; write here what that one names"
    if kind is Kind.OTHER:
        return f"{in_quotes(source)} is neither a zip nor a prefix; a zip ends with .zip, a prefix with a slash"
    return ""


def _decoded(uri: str, content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise _error(uri, 1, f"it has {len(content):,} bytes, and at most {MOST_BYTES:,} are read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _error(uri, content.count(b"\n", 0, error.start) + 1, "it is not JSON: its text is not UTF-8") from error


def _options(uri: str, text: str, given: object) -> RunOptions:
    try:
        return RunOptions() if given is None else RunOptions.from_json(given)
    except OptionsError as error:
        line, wrong = _line(text, "options"), error
        for name, value in given.items() if isinstance(given, dict) else ():
            try:
                RunOptions.from_json({name: value})
            except OptionsError as alone:
                line, wrong = _line(text, name), alone
                break
        raise _error(uri, line, str(wrong)) from error


def _object(uri: str, text: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, in which no name may stand twice: one of the two would be dropped in silence."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _error(uri, _line(text, name, 1), f"{in_quotes(name)} is given twice")
        found[name] = value
    return found


def _line(text: str, value: str, before: int = 0) -> int:
    """The line on which a string of a JSON text stands, after some that are equal to it; 1 if it is not there."""
    line, last = 1, 0
    for found in _STRING.finditer(text):
        line += text.count("\n", last, found.start())
        last = found.start()
        if json.loads(found[0], strict=False) == value:
            if not before:
                return line
            before -= 1
    return 1


def _error(uri: str, line: int, cause: str) -> RequestError:
    return RequestError.at(uri, f"line {line}: {cause}")
