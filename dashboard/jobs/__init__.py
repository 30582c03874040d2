"""Jobs about what the dashboard shows; found as all others are (`profiling.jobs`)."""
