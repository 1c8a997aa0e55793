"""What a report says of a table's model."""
