"""What a model of a whole table says of some columns given others: conditions, marginals, missing cells."""
