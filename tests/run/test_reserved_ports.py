"""Which ports does an installation keep for its sandbox, and which does it give back?"""

from neuroroute.serve.child import Child
from neuroroute.serve.sockets import LOOPBACK, Sockets

FIRST = 21101


def test_installations_that_start_at_the_same_time_get_ports_of_their_own() -> None:
    one, other = Sockets(), Sockets()
    ports = [*one.reserve(LOOPBACK, FIRST, 3), *other.reserve(LOOPBACK, FIRST, 3)]
    for sockets in (one, other):
        sockets.keep([])
    assert len(set(ports)) == 6


def test_what_no_child_reserves_is_given_back() -> None:
    one, other = Sockets(), Sockets()
    kept, spare = one.reserve(LOOPBACK, FIRST, 2)
    one.keep([Child("sandbox-openai", [], rank=2, grace_s=2, reserve=(LOOPBACK, kept))])
    taken = other.reserve(LOOPBACK, kept, 1)
    for sockets in (one, other):
        sockets.keep([])
    assert taken == [spare]
