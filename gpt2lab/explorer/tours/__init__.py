"""Guided tours of the explorer. The tours are the .toml files of this folder; ``base`` says what they hold."""
