"""The sixteen scenarios, by theme. A new one is a class in a file here."""
