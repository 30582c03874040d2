"""The panels of the dashboard: one class file each, found by discovery (docs/adding-a-panel.md)."""
