"""The edge: the only place that knows HTTP. Two faces, DRF views and Channels consumers, over the same functions."""
