"""The answers as one HTML page, with the pictures: it needs nothing but a browser."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from orchard.features.pixels import UndecodableImageError, decode
from orchard.report.sample import thumbnail
from orchard.report.view import data_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchard.runs.similar.nearest import Answer, Similar
    from orchard.runs.similar.results import Results

SIDE = 128
"""The longer side of a picture on the page, in pixels."""

_MOST_BYTES = 6000


def little(content: bytes) -> bytes:
    """A picture as the page shows it; nothing where it has no features, and so no place on the page."""
    try:
        decode(content)
    except UndecodableImageError:
        return b""
    return thumbnail(content, SIDE, _MOST_BYTES)


def pictures_of(results: Results, paths: Iterable[str]) -> dict[str, bytes]:
    """Some of a run's images in little, by path.

    Of `images/` only those groups of rows are read that hold one.

    Raises:
        UsageError: They are an earlier run's, whose folder is not known.
        RunFailedError: A file is not as the run's manifest says.
    """
    import pyarrow.parquet as pq

    from orchard.jobs.rows import has_any

    wanted = sorted(set(paths))
    found: dict[str, bytes] = {}
    for opened in results.parquet(lambda run: run.images, "images", "features"):
        with opened, pq.ParquetFile(opened) as file:
            for number in range(file.num_row_groups):
                if has_any(file, number, wanted):
                    group = file.read_row_group(number, ["path", "content"])
                    for path, content in zip(*(one.to_pylist() for one in group.columns), strict=True):
                        if path in wanted:
                            found[path] = thumbnail(content, SIDE, _MOST_BYTES)
    return found


def render(known: Similar, answers: Sequence[Answer], asked: Mapping[int, bytes], pictures: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        asked: The pictures that were asked about in little, by the number of the answer.
        pictures: The images of the run in little, by path.

    Returns:
        A complete HTML document, which forbids the browser to fetch anything and to run scripts.
    """
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["data_url"] = data_url
    template = resources.files(__package__).joinpath("page.html.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        known=known, answers=answers, asked=asked, pictures=pictures, side=SIDE
    )
