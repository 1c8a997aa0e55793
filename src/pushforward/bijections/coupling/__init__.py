"""Maps whose parameters a network predicts from other coordinates or from the condition."""
