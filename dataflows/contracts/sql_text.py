"""Text as Redshift's SQL writes it: the statements are made with it, and what they will take is counted with it."""


def quoted_text(value: str) -> str:
    """Return `value` as a Redshift SQL literal that reads back exactly.

    Raises ValueError for text that Redshift can't hold (NUL).
    """
    if "\0" in value:
        raise ValueError("Redshift text holds no NUL character")
    # Redshift reads a backslash in a plain literal as an escape, as PostgreSQL did before 9.1.
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
