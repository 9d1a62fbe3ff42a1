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

-- Until this is revoked, every user may have Redshift take on every role of the namespace: who only reads could unload
-- to Account 1's bucket. Of a chain that is granted, all roles must be named.
REVOKE ASSUMEROLE ON ALL FROM PUBLIC FOR ALL;
GRANT ASSUMEROLE ON ${unload_role_chain} TO ${unload_user} FOR UNLOAD;
GRANT ASSUMEROLE ON ${copy_role} TO ${ingest_user} FOR COPY;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
