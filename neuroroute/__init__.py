"""NeuroRoute: a self-hosted LLM router; this package wires the apps together."""

__version__ = "0.1.0"
