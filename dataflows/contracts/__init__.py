"""What MyApp and the Lambdas agree on: events, reports, fields, formulas, names and the plan.

Standard library and pydantic only: this package also ships as a Lambda layer.
"""
