"""What the stored results say in the docs: tables, pictures and aims."""
