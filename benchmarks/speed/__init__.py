"""Studies of speed: time to a loss, growth of cost, memory, streams of images; proof that one function is timed."""
