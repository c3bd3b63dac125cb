-- Unfinished pictures of tasks, shown while their job runs: each is written down before its bytes are put, so that whoever finds its
-- task ended can erase both. `picture` is a serialized gesso.generator.v1.Picture; readers see what is `shown`.
CREATE TABLE partials (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id text NOT NULL,
    idx integer NOT NULL,
    picture bytea NOT NULL,
    shown boolean NOT NULL DEFAULT false
);
CREATE INDEX partials_by_job ON partials (job_id);
