"""The resilience drill: the public yardstick's sixteen failures, played through a running installation and judged."""
