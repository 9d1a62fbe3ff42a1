-- Run once in the warehouse's database by an admin of it, before the first registration.
-- The names are outputs of the stack: DdlUser, IngestUser, RefreshUser and UnloadUser.
-- Each is the database user of an IAM role, so none has a password.
CREATE USER ${ddl_user} PASSWORD DISABLE;
CREATE USER ${ingest_user} PASSWORD DISABLE;
CREATE USER ${refresh_user} PASSWORD DISABLE;
CREATE USER ${unload_user} PASSWORD DISABLE;

GRANT CREATE ON DATABASE ${database} TO ${ddl_user};
