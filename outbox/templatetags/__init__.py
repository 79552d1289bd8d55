"""Shape of output: how long something is, in words."""
