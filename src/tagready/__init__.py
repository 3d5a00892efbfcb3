"""tagready: the changelog-first release tool on towncrier fragments."""
