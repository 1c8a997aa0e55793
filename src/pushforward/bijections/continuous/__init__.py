"""Maps that follow a velocity in continuous time."""
