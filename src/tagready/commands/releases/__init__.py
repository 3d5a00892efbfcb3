"""A release: what is looked up for one, what it is made of, and how it is judged and brought about."""
