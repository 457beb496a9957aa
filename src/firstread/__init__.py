"""firstread: the AI that reads a medical image first."""

__version__ = "0.1.0"
