"""How each type of resource is made, one module a service; each function may be called again for what exists."""
