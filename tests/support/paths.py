"""Where things are that the tests look at."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder."""
