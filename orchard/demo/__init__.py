"""Draws a zip of fruit and runs it."""
