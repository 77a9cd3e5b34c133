"""The documents, and what is written in them."""

import re
from pathlib import Path

from tests.support.paths import ROOT

NOTEBOOK = ROOT / "docs" / "notebooks" / "explore.ipynb"
DOCUMENTS = [ROOT / "README.md", ROOT / "README.fr.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(document: Path, language: str) -> list[str]:
    """The code blocks of a document in one language; the empty one is for commands."""
    found = re.findall(r"^ *```(\w*)\n(.*?)^ *```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [block for name, block in found if re.fullmatch(language, name)]


def text(document: Path) -> str:
    """A document without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def code(document: Path) -> list[str]:
    """The code within the lines of a document, with its quotes."""
    return re.findall(r"`[^`\n]+`", text(document))


def prose(document: Path) -> str:
    """A document without any code."""
    return re.sub(r"`[^`\n]+`", "", text(document))
