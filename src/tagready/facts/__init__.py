"""What can be told from text and values alone. Pure: no git, no network, no clock, no printing."""
