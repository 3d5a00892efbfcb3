"""What is known of GitHub Actions: what a workflow does, what is unsafe in one, and what a run shows."""
