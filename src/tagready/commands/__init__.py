"""The commands: look, decide, act. A module for each, and what several of them share."""
