"""The questions of the chapters, as data."""
