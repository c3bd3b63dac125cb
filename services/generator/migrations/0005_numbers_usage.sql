-- A job's other name: an integer for clients that know no other ids. The default numbers what the previous version still inserts.
CREATE SEQUENCE job_numbers START 10001;
ALTER TABLE jobs ADD COLUMN number bigint;
ALTER TABLE jobs ALTER COLUMN number SET DEFAULT nextval('job_numbers');
ALTER SEQUENCE job_numbers OWNED BY jobs.number;

-- The operation of the first draw, as gesso.generator.v1.Operation. NULL where the previous version wrote the row: it sold text to
-- image alone.
ALTER TABLE jobs ADD COLUMN operation smallint;

-- What usage counts, out of what is serialized: the public model of the draw, and how many pictures were delivered. NULL where the
-- previous version wrote them; store/usage.py then reads them out of price_rule and result.
ALTER TABLE tasks ADD COLUMN model text;
ALTER TABLE tasks ADD COLUMN picture_count integer;

-- What orders took, summed by public model and ten minutes of their ends: each replica adds its own once a minute.
CREATE TABLE measurements (
    model text NOT NULL,
    starts_at timestamptz NOT NULL,
    samples bigint NOT NULL,
    seconds double precision NOT NULL,
    queue_seconds double precision NOT NULL,
    PRIMARY KEY (starts_at, model)
);
