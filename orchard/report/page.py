"""The report as one HTML page that needs nothing but a browser: no network, no fonts, no files beside it."""

from __future__ import annotations

import math
from importlib import resources
from typing import TYPE_CHECKING

from orchard.report.facts import moment, percent
from orchard.report.view import MOST_REASONS, data_url, view_of

if TYPE_CHECKING:
    from orchard.report.data import ReportData


_SCRIPTS = ("common", "variance", "looks", "map", "legend", "tables", "page")
_STYLES = ("page", "looks")


def render(data: ReportData) -> str:
    """The page.

    Returns:
        A complete HTML document. It holds plotly.js, its own style and script, and all pictures, and forbids the
        browser to fetch anything (Content-Security-Policy), so it shows the same offline, from a mail or from S3.
    """
    import jinja2
    from plotly.offline import get_plotlyjs

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(percent=percent, moment=moment, data_url=data_url, thousands=lambda count: f"{count:,}")
    return environment.from_string(_part("page.html.j2")).render(
        data=data,
        view=view_of(data),
        infinity=math.inf,
        most_reasons=MOST_REASONS,
        style="\n".join(_part(f"{name}.css") for name in _STYLES),
        script="\n".join(("(() => {", *(_part(f"{name}.js") for name in _SCRIPTS), "})();")),
        plotly=get_plotlyjs(),
    )


def _part(name: str) -> str:
    """A file beside this module, also when the package is imported from a zip."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
