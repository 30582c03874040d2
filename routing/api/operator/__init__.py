"""The operator's API at /api/admin: what the admin's pages do, for scripts, by the rules of the configuration file.

One file per resource; `resource.py` is what they share, `door.py` says who may come in.
"""
