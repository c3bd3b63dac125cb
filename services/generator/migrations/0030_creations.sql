-- What requests under an idempotency key have made here, other than jobs: each is answered again for a day.
CREATE TABLE creations (
    request_id text PRIMARY KEY,
    fingerprint bytea NOT NULL,
    answer bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX creations_old ON creations (created_at);
