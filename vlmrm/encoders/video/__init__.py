"""Encoders that see clips of several frames."""
