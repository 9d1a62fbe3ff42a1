"""Deploys MyApp's stacks: which there are, in which order, and what each is told."""
