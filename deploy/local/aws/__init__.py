"""One HTTP endpoint that answers for every AWS service of both accounts."""
