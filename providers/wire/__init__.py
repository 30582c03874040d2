"""What several wire formats share: cutting streams, reading refusals, repairing and composing chunks. No adapters."""
