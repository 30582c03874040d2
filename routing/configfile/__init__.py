"""The configuration as a YAML file: read, applied, exported (docs/configuration-file.md)."""
