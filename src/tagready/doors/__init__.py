"""One module for each thing outside: git, towncrier, build backends, an index, GitHub. Nothing else touches them."""
