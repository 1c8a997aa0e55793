"""Maps that add something to their input and stay invertible."""
