"""Both templates as two deployed stacks would be: every function resolved, nothing made.

Templates are expanded by SAM once; elements are taken out of copies, which then resolve in milliseconds.
"""

import functools
from typing import Final

from deploy.local.accounts import (
    APP,
    APP_TEMPLATE,
    ERROR_BUCKET,
    INTERMEDIATE_BUCKET,
    SLACK,
    UNLOAD_BUCKET,
    WAREHOUSE,
    WAREHOUSE_TEMPLATE,
    WORKGROUP_ARN,
)
from deploy.local.templates.resolved import Properties, Stack, resolved
from deploy.local.templates.sam import Template, load_template

__all__ = ["Properties", "Stack", "resolved"]

BUDGET_EMAIL: Final = "budget@example.com"
NAMESPACE: Final = "myapp"  # of all metrics: the NamePrefix
APP_URL: Final = "https://myapp.example.com"
ACCOUNTS: Final = {"app": APP, "warehouse": WAREHOUSE}


@functools.cache
def shipped_templates() -> dict[str, Template]:
    """Return the templates as they ship, expanded, with parameters as the local stack gives them."""
    app_parameters = {
        "WarehouseAccountId": WAREHOUSE.account_id,
        "WarehouseRegion": WAREHOUSE.region,
        "UnloadBucketName": UNLOAD_BUCKET,
        "DatabaseHost": "proxy.example",
        "BudgetEmail": BUDGET_EMAIL,
    }
    return {"app": load_template(APP_TEMPLATE, app_parameters, APP.region), "warehouse": warehouse_template()}


def warehouse_template(**changes: str) -> Template:
    """Return Account 2's template; `changes` are to the parameters."""
    parameters = {
        "AppAccountId": APP.account_id,
        "AppRegion": APP.region,
        "UnloadBucketName": UNLOAD_BUCKET,
        "WorkgroupArn": WORKGROUP_ARN,
        "WarehouseHost": "warehouse.example",
        "IntermediateBucketName": INTERMEDIATE_BUCKET,
        "ErrorBucketName": ERROR_BUCKET,
        "AppUrl": APP_URL,
        "BudgetEmail": BUDGET_EMAIL,
        **SLACK,
        **changes,
    }
    return load_template(WAREHOUSE_TEMPLATE, parameters, WAREHOUSE.region)
