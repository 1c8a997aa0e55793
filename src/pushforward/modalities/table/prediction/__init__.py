"""What a conditional model of a table says of the rest of a row."""
