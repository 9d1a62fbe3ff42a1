"""Both templates as two deployed stacks would be: every function resolved, nothing made.

Templates are expanded by SAM once; elements are taken out of copies, which then resolve in milliseconds.
"""

import functools
from typing import Final

from deploy.local.accounts import APP, APP_TEMPLATE, WAREHOUSE, WAREHOUSE_TEMPLATE
from deploy.local.policies.stacks import APP_PARAMETERS, WAREHOUSE_PARAMETERS
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
    app_parameters = {**APP_PARAMETERS, "BudgetEmail": BUDGET_EMAIL}
    return {"app": load_template(APP_TEMPLATE, app_parameters, APP.region), "warehouse": warehouse_template()}


def warehouse_template(**changes: str) -> Template:
    """Return Account 2's template; `changes` are to the parameters."""
    parameters = {**WAREHOUSE_PARAMETERS, "AppUrl": APP_URL, "BudgetEmail": BUDGET_EMAIL, **changes}
    return load_template(WAREHOUSE_TEMPLATE, parameters, WAREHOUSE.region)
