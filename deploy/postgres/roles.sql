-- The roles of Andon's processes, for an administrator of the server, in Andon's database, and again in each new one:
--     psql --set=ON_ERROR_STOP=1 --file=deploy/postgres/roles.sql "postgresql://postgres@host/andon"
-- Then a password for each (\password andon_api), and `andon migrate` as andon_owner, which grants the others what they
-- need, now and after each version. They can't make, change or empty a table.
SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['andon_owner', 'andon_api', 'andon_dispatcher', 'andon_worker', 'andon_maintenance']) name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec
GRANT CREATE ON DATABASE :"DBNAME" TO andon_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
