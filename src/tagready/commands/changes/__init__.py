"""The change that a pull request would bring: what it is, and what the pull-request gate says of it."""
