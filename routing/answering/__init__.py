"""How does one request come to its answer? What the sentence of `routing/engine.py` is made of, step by step."""
