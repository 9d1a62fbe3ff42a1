"""Makes the resources of a SAM template at the local AWS endpoint: the same templates that `sam deploy` reads."""
