"""Save a flow to one file and load it again, bit for bit.

A file is `.safetensors`: arrays by their path in the flow, such as `bijection.bijections.0.scale_raw`, and one JSON
document in the header with the structure, the versions of the libraries, your metadata and a SHA-256 of the whole
file. Loading runs no code from the file: classes are looked up by name among those that are imported.

`compress` and `decompress` code whole numbers by the probabilities of a flow.
"""

from pushforward.io._arrays import read_arrays, write_arrays
from pushforward.io._compress import compress, decompress
from pushforward.io._flows import load, read, save

__all__ = ["compress", "decompress", "load", "read", "read_arrays", "save", "write_arrays"]
