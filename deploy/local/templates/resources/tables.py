"""DynamoDB tables."""

from deploy.local.templates.deployment import Declaration
from deploy.local.templates.intrinsics import Created


def create_table(table: Declaration) -> Created:
    """Make a table; one that is there is left as it is. What a table's TTL says is gone is never removed by moto."""
    client = table.stack.client("dynamodb")
    name = table.name("TableName")
    wanted = table.pick("BillingMode", "AttributeDefinitions", "KeySchema")
    try:
        client.create_table(TableName=name, **wanted)
    except client.exceptions.ResourceInUseException:
        return Created(name, {"Arn": table.stack.arn("dynamodb", f"table/{name}")})
    if "TimeToLiveSpecification" in table.properties:
        client.update_time_to_live(TableName=name, **table.pick("TimeToLiveSpecification"))
    return Created(name, {"Arn": table.stack.arn("dynamodb", f"table/{name}")})
