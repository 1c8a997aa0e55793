"""Speed of pushforward beside other libraries: same architecture, same data, alternating in one run."""
