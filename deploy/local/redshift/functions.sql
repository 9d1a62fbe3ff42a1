-- Redshift's functions where PostgreSQL has none, or one that answers differently.
-- Every statement can be run again; the schema is readable by everybody.
CREATE SCHEMA IF NOT EXISTS redshift_emulation;
GRANT USAGE ON SCHEMA redshift_emulation TO PUBLIC;

-- Reached from CHECK constraints only when the value does not fit: VOLATILE, so that it is never evaluated early.
CREATE OR REPLACE FUNCTION redshift_emulation.value_too_long(bytes int) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RAISE EXCEPTION 'value too long for type character varying(%)', bytes USING ERRCODE = '22001';
END $$;

CREATE OR REPLACE FUNCTION redshift_emulation.refuse_nan() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RAISE EXCEPTION 'Invalid value NaN for type numeric' USING ERRCODE = '22P02';
END $$;

-- What the wire front runs in place of a statement it could not translate.
CREATE OR REPLACE FUNCTION redshift_emulation.refuse(state text, message text) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RAISE EXCEPTION '%', message USING ERRCODE = state;
END $$;

CREATE OR REPLACE FUNCTION redshift_emulation.getdate() RETURNS timestamp LANGUAGE sql STABLE AS
$$ SELECT date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC') $$;

CREATE OR REPLACE FUNCTION redshift_emulation.sysdate() RETURNS timestamp LANGUAGE sql STABLE AS
$$ SELECT transaction_timestamp() AT TIME ZONE 'UTC' $$;

-- DATEDIFF counts the boundaries crossed, not the time elapsed; weeks begin on Sunday.
CREATE OR REPLACE FUNCTION redshift_emulation.datediff(unit text, a timestamp, b timestamp) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  CASE redshift_emulation.date_unit(unit)
    WHEN 'day' THEN RETURN b::date - a::date;
    WHEN 'week' THEN RETURN ((date_trunc('week', b + interval '1 day'))::date
                           - (date_trunc('week', a + interval '1 day'))::date) / 7;
    WHEN 'month' THEN RETURN (date_part('year', b) - date_part('year', a)) * 12
                           + date_part('month', b) - date_part('month', a);
    WHEN 'quarter' THEN RETURN (date_part('year', b) - date_part('year', a)) * 4
                             + date_part('quarter', b) - date_part('quarter', a);
    WHEN 'year' THEN RETURN date_part('year', b) - date_part('year', a);
    WHEN 'hour' THEN RETURN extract(epoch FROM date_trunc('hour', b) - date_trunc('hour', a)) / 3600;
    WHEN 'minute' THEN RETURN extract(epoch FROM date_trunc('minute', b) - date_trunc('minute', a)) / 60;
    WHEN 'second' THEN RETURN extract(epoch FROM date_trunc('second', b) - date_trunc('second', a));
    ELSE RETURN redshift_emulation.refuse('22023', 'DATEDIFF unit ' || unit || ' is not known to the stand-in');
  END CASE;
END $$;

CREATE OR REPLACE FUNCTION redshift_emulation.date_unit(unit text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT CASE
  WHEN unit IN ('d', 'day', 'days') THEN 'day'
  WHEN unit IN ('w', 'week', 'weeks') THEN 'week'
  WHEN unit IN ('mon', 'mons', 'month', 'months') THEN 'month'
  WHEN unit IN ('qtr', 'qtrs', 'quarter', 'quarters') THEN 'quarter'
  WHEN unit IN ('y', 'yr', 'yrs', 'year', 'years') THEN 'year'
  WHEN unit IN ('h', 'hr', 'hrs', 'hour', 'hours') THEN 'hour'
  WHEN unit IN ('m', 'min', 'mins', 'minute', 'minutes') THEN 'minute'
  WHEN unit IN ('s', 'sec', 'secs', 'second', 'seconds') THEN 'second'
  ELSE unit END $$;

CREATE OR REPLACE FUNCTION redshift_emulation.dateadd(unit text, amount int, at timestamp) RETURNS timestamp
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  IF redshift_emulation.date_unit(unit) = 'quarter' THEN
    RETURN at + amount * interval '3 months';
  END IF;
  RETURN at + amount * ('1 ' || redshift_emulation.date_unit(unit))::interval;
END $$;

CREATE OR REPLACE FUNCTION redshift_emulation.last_day(at timestamp) RETURNS date LANGUAGE sql IMMUTABLE AS
$$ SELECT (date_trunc('month', at) + interval '1 month' - interval '1 day')::date $$;

-- From the last day of a month ADD_MONTHS lands on the last day of a month.
CREATE OR REPLACE FUNCTION redshift_emulation.add_months(at timestamp, months int) RETURNS timestamp
LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN at::date = redshift_emulation.last_day(at)
  THEN redshift_emulation.last_day(at + months * interval '1 month') + at::time
  ELSE at + months * interval '1 month' END $$;

CREATE OR REPLACE FUNCTION redshift_emulation.months_between(a timestamp, b timestamp) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$
SELECT (date_part('year', a) - date_part('year', b)) * 12 + date_part('month', a) - date_part('month', b)
  + CASE WHEN date_part('day', a) = date_part('day', b)
           OR (a::date = redshift_emulation.last_day(a) AND b::date = redshift_emulation.last_day(b)) THEN 0
         ELSE (date_part('day', a) - date_part('day', b)) / 31 END $$;

CREATE OR REPLACE FUNCTION redshift_emulation.convert_timezone(source text, target text, at timestamp)
RETURNS timestamp LANGUAGE sql STABLE AS $$ SELECT at AT TIME ZONE source AT TIME ZONE target $$;

CREATE OR REPLACE FUNCTION redshift_emulation.trunc(at timestamp) RETURNS date LANGUAGE sql IMMUTABLE AS
$$ SELECT at::date $$;
CREATE OR REPLACE FUNCTION redshift_emulation.trunc(value numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT pg_catalog.trunc(value) $$;
CREATE OR REPLACE FUNCTION redshift_emulation.trunc(value double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.trunc(value) $$;
CREATE OR REPLACE FUNCTION redshift_emulation.trunc(value numeric, digits int) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.trunc(value, digits) $$;

CREATE OR REPLACE FUNCTION redshift_emulation.round(value numeric, digits int DEFAULT 0) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.round(value, digits) $$;
CREATE OR REPLACE FUNCTION redshift_emulation.round(value double precision, digits int DEFAULT 0)
RETURNS double precision LANGUAGE sql IMMUTABLE AS
$$ SELECT pg_catalog.round(value::numeric, digits)::double precision $$;

CREATE OR REPLACE FUNCTION redshift_emulation.sha2(value text, bits int) RETURNS varchar
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  CASE bits
    WHEN 0, 256 THEN RETURN encode(sha256(convert_to(value, 'UTF8')), 'hex');
    WHEN 224 THEN RETURN encode(sha224(convert_to(value, 'UTF8')), 'hex');
    WHEN 384 THEN RETURN encode(sha384(convert_to(value, 'UTF8')), 'hex');
    WHEN 512 THEN RETURN encode(sha512(convert_to(value, 'UTF8')), 'hex');
    ELSE RETURN NULL;
  END CASE;
END $$;

-- AVG of integers is an integer in Redshift, and AVG of a numeric keeps its scale: `sample` carries the type.
CREATE OR REPLACE FUNCTION redshift_emulation.avg_as(average numeric, sample bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.trunc(average)::bigint $$;
CREATE OR REPLACE FUNCTION redshift_emulation.avg_as(average numeric, sample int) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.trunc(average)::bigint $$;
CREATE OR REPLACE FUNCTION redshift_emulation.avg_as(average numeric, sample smallint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.trunc(average)::bigint $$;
CREATE OR REPLACE FUNCTION redshift_emulation.avg_as(average numeric, sample numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.trunc(average, scale(sample)) $$;
CREATE OR REPLACE FUNCTION redshift_emulation.avg_as(average double precision, sample double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE AS $$ SELECT average $$;

CREATE OR REPLACE FUNCTION redshift_emulation.ratio(part double precision, whole double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE AS $$ SELECT part / nullif(whole, 0) $$;

-- An explicit cast to VARCHAR(n) cuts at n bytes, never inside a character.
CREATE OR REPLACE FUNCTION redshift_emulation.left_bytes(value text, bytes int) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE kept int;
BEGIN
  IF octet_length(value) <= bytes THEN RETURN value; END IF;
  kept := least(char_length(value), bytes);
  WHILE octet_length(left(value, kept)) > bytes LOOP
    kept := kept - greatest(1, (octet_length(left(value, kept)) - bytes) / 4);
  END LOOP;
  RETURN left(value, kept);
END $$;

CREATE OR REPLACE FUNCTION redshift_emulation.regexp_count(value text, pattern text) RETURNS int
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.regexp_count(value, pattern) $$;
CREATE OR REPLACE FUNCTION redshift_emulation.regexp_count(value text, pattern text, start int) RETURNS int
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.regexp_count(value, pattern, start) $$;
CREATE OR REPLACE FUNCTION redshift_emulation.regexp_instr(value text, pattern text) RETURNS int
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.regexp_instr(value, pattern) $$;
CREATE OR REPLACE FUNCTION redshift_emulation.regexp_instr(value text, pattern text, start int) RETURNS int
LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.regexp_instr(value, pattern, start) $$;
-- Without a match REGEXP_SUBSTR is the empty text in Redshift, NULL in PostgreSQL.
CREATE OR REPLACE FUNCTION redshift_emulation.regexp_substr(
  value text, pattern text, start int DEFAULT 1, occurrence int DEFAULT 1) RETURNS text
LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT coalesce(pg_catalog.regexp_substr(value, pattern, start, occurrence), '') $$;
-- REGEXP_REPLACE replaces every match, and writes a group as $1.
CREATE OR REPLACE FUNCTION redshift_emulation.regexp_replace(value text, pattern text, replacement text DEFAULT '')
RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
SELECT pg_catalog.regexp_replace(
  value, pattern, pg_catalog.regexp_replace(replacement, '\$(\d)', '\\\1', 'g'), 'g') $$;

CREATE OR REPLACE FUNCTION redshift_emulation.charindex(part text, value text) RETURNS int
LANGUAGE sql IMMUTABLE AS $$ SELECT strpos(value, part) $$;

CREATE OR REPLACE FUNCTION redshift_emulation.strtol(digits text, base int) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE total bigint := 0; digit int; symbol text;
BEGIN
  FOREACH symbol IN ARRAY regexp_split_to_array(lower(digits), '') LOOP
    digit := strpos('0123456789abcdefghijklmnopqrstuvwxyz', symbol) - 1;
    IF digit < 0 OR digit >= base THEN
      RAISE EXCEPTION 'The input % is not valid to be converted to base %', digits, base USING ERRCODE = '22P02';
    END IF;
    total := total * base + digit;
  END LOOP;
  RETURN total;
END $$;

CREATE OR REPLACE FUNCTION redshift_emulation.json_parse(value text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$ SELECT value::jsonb $$;
CREATE OR REPLACE FUNCTION redshift_emulation.is_valid_json(value text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN jsonb_typeof(value::jsonb) IN ('object');
EXCEPTION WHEN invalid_text_representation THEN RETURN false;
END $$;
CREATE OR REPLACE FUNCTION redshift_emulation.json_extract_path_text(value text, VARIADIC path text[])
RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT value::jsonb #>> path $$;

-- TRY_CAST: NULL instead of an error. Redshift reads no exponent in a decimal. Patterns first: an exception handler
-- costs a subtransaction a row. No counted repetitions of many in them: they take ten times as long.
CREATE OR REPLACE FUNCTION redshift_emulation.try_cast_integer(value text, lowest numeric, highest numeric)
RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE number numeric;
BEGIN
  IF length(value) > 255 OR value !~ '^\s*[+-]?[0-9]+\s*$' THEN RETURN NULL; END IF;
  number := value::numeric;
  RETURN CASE WHEN number BETWEEN lowest AND highest THEN number END;
END $$;

CREATE OR REPLACE FUNCTION redshift_emulation.try_cast_decimal(value text, digits int, decimals int) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE number numeric;
BEGIN
  IF length(value) > 512 OR value !~ '^\s*[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)\s*$' THEN RETURN NULL; END IF;
  number := round(value::numeric, decimals);
  RETURN CASE WHEN abs(number) < power(10::numeric, digits - decimals) THEN number END;
END $$;

CREATE OR REPLACE FUNCTION redshift_emulation.try_cast_double(value text) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN value::double precision;
EXCEPTION WHEN data_exception THEN RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION redshift_emulation.try_cast_date(value text) RETURNS date
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE digits text; month int; found date;
BEGIN
  IF value !~ '^[ \t\n\r\f\v]*[0-9]{4}-?[0-9]{2}-?[0-9]{2}[ \t\n\r\f\v]*$' THEN RETURN NULL; END IF;
  digits := translate(value, E'- \t\n\r\f\x0b', '');
  month := substr(digits, 5, 2);
  IF left(digits, 4) = '0000' OR month NOT BETWEEN 1 AND 12 OR right(digits, 2) = '00' THEN RETURN NULL; END IF;
  found := make_date(left(digits, 4)::int, month, 1) + right(digits, 2)::int - 1;
  RETURN CASE WHEN date_part('month', found) = month THEN found END;
END $$;

CREATE OR REPLACE FUNCTION redshift_emulation.try_cast_timestamp(value text) RETURNS timestamp
LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
  RETURN value::timestamp;
EXCEPTION WHEN data_exception THEN RETURN NULL;
END $$;

-- Which roles' chains a database user may name in a command; grantee 0 is PUBLIC, '*' any role. As in a new Redshift,
-- everybody may use every role until that is revoked.
DO $$
BEGIN
  IF to_regclass('redshift_emulation.assumerole') IS NULL THEN
    CREATE TABLE redshift_emulation.assumerole (
      roles text, grantee oid, command text, PRIMARY KEY (roles, grantee, command)
    );
    INSERT INTO redshift_emulation.assumerole VALUES ('*', 0, 'COPY'), ('*', 0, 'UNLOAD');
  END IF;
END $$;

-- For whoever is logged in; of a granted chain all roles must be named. A superuser always may.
CREATE OR REPLACE FUNCTION redshift_emulation.has_assumerole_privilege(roles text, command text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_roles AS who WHERE who.rolname = session_user AND (who.rolsuper OR EXISTS (
    SELECT FROM redshift_emulation.assumerole AS held WHERE held.grantee IN (0, who.oid)
      AND held.roles IN ('*', has_assumerole_privilege.roles) AND held.command = has_assumerole_privilege.command
  ))
) $$;
