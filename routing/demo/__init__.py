"""Sample traffic: a tenant whose requests this installation really routed, to sandboxes, told over the last days."""
