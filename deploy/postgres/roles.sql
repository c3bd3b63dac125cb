-- The database, and for each service a role with a schema of the same name, which can use no other. Run by psql as an
-- administrator who may create roles and databases; running it again changes nothing but the passwords:
--
--   psql -v ON_ERROR_STOP=1 -f SECRETS/passwords.psql -f deploy/postgres/roles.sql postgresql://ADMINISTRATOR@HOST/postgres
SELECT 'CREATE DATABASE gesso' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'gesso') \gexec
\connect gesso
REVOKE ALL ON DATABASE gesso FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE TEMPORARY TABLE wanted (role, password) AS VALUES
    ('billing', :'billing_password'),
    ('generator', :'generator_password'),
    ('gallery', :'gallery_password'),
    ('webhooks', :'webhooks_password');

SELECT format('CREATE ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE', role)
FROM wanted WHERE role NOT IN (SELECT rolname FROM pg_roles) \gexec
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', role, password) FROM wanted \gexec
SELECT format('ALTER ROLE %I SET search_path = %I', role, role) FROM wanted \gexec
-- An administrator who is no superuser makes a schema for a role only as its member.
SELECT format('GRANT %I TO CURRENT_USER', role) FROM wanted \gexec
SELECT format('GRANT CONNECT ON DATABASE gesso TO %I', role) FROM wanted \gexec
SELECT format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', role, role) FROM wanted \gexec
