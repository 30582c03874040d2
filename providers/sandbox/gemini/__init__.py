"""The parts of the sandbox's Gemini wire."""
