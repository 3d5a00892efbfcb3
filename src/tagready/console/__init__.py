"""What people and machines read, and are asked: as text, as JSON, or for GitHub."""
