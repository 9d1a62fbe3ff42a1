"""The Redshift stand-in: PostgreSQL behind Redshift's wire, SQL dialect and HTTP APIs."""
