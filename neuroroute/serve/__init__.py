"""How the processes of one installation are started, watched and stopped.

`python -m neuroroute.serve` is a small process without Django. It makes the secrets that are missing, runs
`manage.py prepare`, which checks, migrates, finds upstreams and says which children to start, and then supervises them.
"""
