"""Series: tables with a column of times, on a regular grid."""
