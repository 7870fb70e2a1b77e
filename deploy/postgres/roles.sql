-- The roles of Andon's processes, for an administrator of the server, once for each server, in Andon's database:
--     psql --set=ON_ERROR_STOP=1 --file=deploy/postgres/roles.sql "postgresql://postgres@host/andon"
-- Then a password for each (\password andon_api), and `andon migrate` as andon_owner, which grants the others what they
-- need, now and after each version. They can't make, change or empty a table.
CREATE ROLE andon_owner LOGIN;
CREATE ROLE andon_api LOGIN;
CREATE ROLE andon_dispatcher LOGIN;
CREATE ROLE andon_worker LOGIN;
CREATE ROLE andon_maintenance LOGIN;
GRANT CREATE ON DATABASE :"DBNAME" TO andon_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
