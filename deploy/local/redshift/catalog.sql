-- The system views code for Redshift reads, over PostgreSQL's catalogue. They live in pg_catalog, as Redshift's do,
-- so that they are found without a schema. Run by a superuser with allow_system_table_mods on.
CREATE OR REPLACE VIEW pg_catalog.svv_tables AS
SELECT table_catalog::varchar, table_schema::varchar, table_name::varchar, table_type::varchar, NULL::varchar AS remarks
FROM information_schema.tables WHERE table_schema <> 'redshift_emulation';

CREATE OR REPLACE VIEW pg_catalog.svv_columns AS
SELECT table_catalog::varchar, table_schema::varchar, table_name::varchar, column_name::varchar,
  ordinal_position::int, column_default::varchar, is_nullable::varchar,
  CASE data_type WHEN 'jsonb' THEN 'super' ELSE data_type END::varchar AS data_type,
  character_maximum_length::int, numeric_precision::int, numeric_precision_radix::int, numeric_scale::int,
  datetime_precision::int, NULL::varchar AS remarks
FROM information_schema.columns WHERE table_schema <> 'redshift_emulation';

CREATE OR REPLACE VIEW pg_catalog.svv_all_tables AS
SELECT table_catalog AS database_name, table_schema AS schema_name, table_name,
  CASE table_type WHEN 'BASE TABLE' THEN 'TABLE' ELSE table_type END::varchar AS table_type,
  NULL::varchar AS table_acl, remarks
FROM pg_catalog.svv_tables;

CREATE OR REPLACE VIEW pg_catalog.svv_all_columns AS
SELECT table_catalog AS database_name, table_schema AS schema_name, table_name, column_name, ordinal_position,
  column_default, is_nullable, data_type, character_maximum_length, numeric_precision, numeric_scale, remarks
FROM pg_catalog.svv_columns;

CREATE OR REPLACE VIEW pg_catalog.svv_all_schemas AS
SELECT current_database()::varchar AS database_name, nspname::varchar AS schema_name, nspowner::int AS schema_owner,
  'local'::varchar AS schema_type, nspacl::varchar AS schema_acl, NULL::varchar AS source_database,
  NULL::varchar AS schema_option
FROM pg_catalog.pg_namespace WHERE nspname <> 'redshift_emulation' AND nspname NOT LIKE 'pg\_t%';

CREATE OR REPLACE VIEW pg_catalog.svv_table_info AS
SELECT current_database()::varchar AS database, n.nspname::varchar AS schema, c.oid::int AS table_id,
  c.relname::varchar AS "table", 'Y'::varchar AS encoded, 'AUTO(ALL)'::varchar AS diststyle,
  (pg_total_relation_size(c.oid) / 1048576)::bigint AS size, greatest(c.reltuples, 0)::numeric(38, 0) AS tbl_rows
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'redshift_emulation');

CREATE OR REPLACE VIEW pg_catalog.svv_user_info AS
SELECT usesysid::int AS user_id, usename::varchar AS user_name, usecreatedb AS createdb, usesuper AS superuser,
  usebypassrls AS catalog_update, NULL::varchar AS connection_limit, 'RESTRICTED'::varchar AS syslog_access,
  NULL::timestamp AS last_ddl_ts, -1 AS session_timeout, NULL::varchar AS external_id
FROM pg_catalog.pg_user;

CREATE OR REPLACE VIEW pg_catalog.pg_user_info AS
SELECT usename, usesysid, usecreatedb, usesuper, usebypassrls AS usecatupd, passwd, valuntil, useconfig,
  'UNLIMITED'::text AS useconnlimit
FROM pg_catalog.pg_user;

CREATE OR REPLACE VIEW pg_catalog.svv_relation_privileges AS
SELECT table_schema::varchar AS namespace_name, table_name::varchar AS relation_name,
  privilege_type::varchar, grantee::varchar AS identity_name,
  CASE grantee WHEN 'PUBLIC' THEN 'public' ELSE 'user' END::varchar AS identity_type, (is_grantable = 'YES') AS admin_option
FROM information_schema.table_privileges WHERE table_schema NOT IN ('pg_catalog', 'information_schema');

CREATE OR REPLACE VIEW pg_catalog.svv_schema_privileges AS
SELECT n.nspname::varchar AS namespace_name, a.privilege_type::varchar AS privilege_type,
  a.grantee::int AS identity_id, coalesce(r.rolname, 'public')::varchar AS identity_name,
  CASE WHEN r.rolname IS NULL THEN 'public' ELSE 'user' END::varchar AS identity_type, a.is_grantable AS admin_option
FROM pg_catalog.pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee;

GRANT SELECT ON pg_catalog.svv_tables, pg_catalog.svv_columns, pg_catalog.svv_all_tables, pg_catalog.svv_all_columns,
  pg_catalog.svv_all_schemas, pg_catalog.svv_table_info, pg_catalog.svv_user_info, pg_catalog.pg_user_info,
  pg_catalog.svv_relation_privileges, pg_catalog.svv_schema_privileges TO PUBLIC;
