"""Job kinds that need what routing knows."""
