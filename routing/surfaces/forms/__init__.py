"""The translation parts of the surfaces that are no plug-ins themselves: bodies read, items and events written."""
