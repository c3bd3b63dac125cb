-- A replica is one run of the generator's process. Its leases hold as long as its row is in the future; once past, it is never
-- renewed: the process takes a new id and gives up what it leased under the old one.
CREATE TABLE replicas (
    id text PRIMARY KEY,
    alive_until timestamptz NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
);

-- One accepted purchase. `purchase` is the serialized gesso.generator.v1.Purchase without its secrets; states are those of
-- gesso.generator.v1.Job.State.
CREATE TABLE jobs (
    id text PRIMARY KEY,
    account_id text NOT NULL,
    api_key_id text NOT NULL,
    dialect text NOT NULL,
    route text NOT NULL,
    idempotency_key text,
    fingerprint bytea NOT NULL,
    purchase bytea NOT NULL,
    state smallint NOT NULL,
    hold_micros bigint NOT NULL CHECK (hold_micros >= 0),
    charge_micros bigint NOT NULL DEFAULT 0 CHECK (charge_micros BETWEEN 0 AND hold_micros),
    available_micros bigint NOT NULL DEFAULT 0,
    settled boolean NOT NULL DEFAULT false,
    fault bytea,
    revision bigint NOT NULL DEFAULT 1,
    retention_days integer NOT NULL,
    created_at timestamptz NOT NULL,
    deadline_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz
) WITH (fillfactor = 80);

-- A key that was freed (its request was refused, or its secret lost) is NULL.
CREATE UNIQUE INDEX jobs_idempotency ON jobs (account_id, dialect, route, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_by_account ON jobs (account_id, id);
CREATE INDEX jobs_by_fingerprint ON jobs USING hash (fingerprint);
CREATE INDEX jobs_open ON jobs (account_id) WHERE finished_at IS NULL;

-- One draw of a job; the row is also the queue's row. States are those of gesso.generator.v1.Task.State. A task is in one of three
-- hands: leased (lease_owner), queued (queued_at), or nobody's (its job has ended). No foreign key: one statement writes both, and
-- the check would cost a lock per row. `result` is a serialized gesso.generator.v1.Task of what ended.
CREATE TABLE tasks (
    job_id text NOT NULL,
    idx integer NOT NULL,
    account_id text NOT NULL,
    state smallint NOT NULL,
    price_micros bigint NOT NULL CHECK (price_micros >= 0),
    price_rule text NOT NULL,
    holds_secret boolean NOT NULL,
    lease_owner text,
    lease_token bigint,
    queued_at timestamptz,
    attempt_count integer NOT NULL DEFAULT 0,
    provider text NOT NULL DEFAULT '',
    upstream_model text NOT NULL DEFAULT '',
    tickets bytea,
    result bytea,
    charge_micros bigint NOT NULL DEFAULT 0 CHECK (charge_micros >= 0),
    ended_at timestamptz,
    revision bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (job_id, idx)
) WITH (fillfactor = 70);

-- Claiming is fair between accounts: it reads the head of each account's own queue. Only columns that rarely change are indexed,
-- so the steps of a task that runs at once rewrite no index.
CREATE INDEX tasks_queued ON tasks (account_id, queued_at) WHERE queued_at IS NOT NULL;

-- What was set out to be bought, written before it was: one row for each time that a task's order was placed.
CREATE TABLE attempts (
    job_id text NOT NULL,
    idx integer NOT NULL,
    number integer NOT NULL,
    provider text NOT NULL,
    upstream_model text NOT NULL,
    price_rule text NOT NULL,
    replica text NOT NULL,
    started_at timestamptz NOT NULL,
    fault bytea,
    PRIMARY KEY (job_id, idx, number)
);

-- What the house may owe a vendor without a customer who pays for it: the price that the pictures would have had.
CREATE TABLE losses (
    job_id text NOT NULL,
    idx integer NOT NULL,
    provider text NOT NULL,
    amount_micros bigint NOT NULL CHECK (amount_micros >= 0),
    cause text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, idx)
);

CREATE TABLE outbox (
    id bigserial PRIMARY KEY,
    payload bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The operator's pause: one row.
CREATE TABLE maintenance (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    paused boolean NOT NULL,
    retry_after_seconds integer NOT NULL
);
INSERT INTO maintenance (paused, retry_after_seconds) VALUES (false, 60);
