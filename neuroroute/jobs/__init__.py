"""Job kinds that need what the wiring knows."""
