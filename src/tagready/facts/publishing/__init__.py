"""What distributions, their index and its tokens say, and what is wrong with that."""
