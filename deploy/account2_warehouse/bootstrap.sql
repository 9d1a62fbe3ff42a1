-- Run once in the warehouse's database by an admin of it, before the first registration.
-- The names are outputs of the stack: DdlUser, IngestUser and so on.
-- Each is the database user of an IAM role, so none has a password.
CREATE USER ${ddl_user} PASSWORD DISABLE;
CREATE USER ${ingest_user} PASSWORD DISABLE;
CREATE USER ${refresh_user} PASSWORD DISABLE;
CREATE USER ${unload_user} PASSWORD DISABLE;
CREATE USER ${register_user} PASSWORD DISABLE;
CREATE USER ${watch_user} PASSWORD DISABLE;
CREATE USER ${advance_user} PASSWORD DISABLE;
CREATE USER ${retry_user} PASSWORD DISABLE;
CREATE USER ${status_user} PASSWORD DISABLE;

GRANT CREATE ON DATABASE ${database} TO ${ddl_user};
