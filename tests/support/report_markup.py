"""What a report's page says, taken from its markup."""

import html
import json
import re
from typing import Any


def section(page: str, name: str) -> str:
    """The markup of one section of the page."""
    return page.split(f'<section id="{name}"')[1].split("</section>")[0]


def text(markup: str) -> str:
    """What a reader sees, in single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def rows(markup: str) -> list[list[str]]:
    """The cells of the body of the first table."""
    body = markup.split("<tbody")[1].split("</tbody>")[0]
    return [
        [text(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr\b[^>]*>(.*?)</tr>", body, re.DOTALL)
    ]


def facts(page: str) -> dict[str, str]:
    """What ran, by the name of each fact."""
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", section(page, "run"))
    return {text(name): text(value) for name, value in found}


def payload(page: str) -> dict[str, Any]:
    """What the page's script reads."""
    found: dict[str, Any] = json.loads(
        page.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    )
    return found


def per_cent(share: float) -> str:
    """A share of 1 as the page writes it."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"
