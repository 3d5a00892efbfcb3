"""What init finds in a project before it writes, and what it says beside that."""
