"""What runs now, in all workers of the installation: a worker is asked, and answers; nothing is told unasked.

`telling.py` is what a worker says, `hearing.py` how it is asked, `asking.py` who asks all of them, `ending.py` how an
operator ends a request.
"""
