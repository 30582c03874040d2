"""What do people keep of the dashboard?"""

from dashboard.cases import PlaygroundCase

__all__ = ["PlaygroundCase"]
