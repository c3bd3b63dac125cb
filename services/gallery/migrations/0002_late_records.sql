-- Undoes the statement that calls it: a blob was marked as deleted while it ran, and what it saw is no longer so.
CREATE OR REPLACE FUNCTION refuse_late() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a blob was deleted meanwhile' USING ERRCODE = 'GS001';
END $$;
