"""What init writes, and what it has to know of a project for that."""
