-- What goes out: events as they were published, one delivery for each address, and every attempt.

CREATE TABLE events (
    id          text        PRIMARY KEY,
    account_id  text        NOT NULL,
    type        text        NOT NULL,
    occurred_at timestamptz NOT NULL,
    data        bytea       NOT NULL,               -- the body's `data`, as UTF-8 JSON
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE deliveries (
    id              text        PRIMARY KEY,
    account_id      text        NOT NULL,
    event_id        text        NOT NULL REFERENCES events (id),
    endpoint_id     text        NOT NULL DEFAULT '',
    url             text        NOT NULL,
    state           smallint    NOT NULL DEFAULT 1, -- gesso.webhooks.v1.Delivery.State
    created_at      timestamptz NOT NULL DEFAULT now(),
    attempt_count   integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz                     -- also the lease of a running attempt: a crash makes it due again
);
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE state = 1;
CREATE INDEX deliveries_by_account ON deliveries (account_id, created_at DESC, id DESC);

CREATE TABLE attempts (
    delivery_id text        NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    number      integer     NOT NULL,
    started_at  timestamptz NOT NULL,
    duration_ms integer     NOT NULL,
    status_code integer     NOT NULL,
    error       text        NOT NULL,
    PRIMARY KEY (delivery_id, number)
);

CREATE TABLE signing_secrets (
    id         bigserial   PRIMARY KEY,
    account_id text        NOT NULL,
    sealed     bytea       NOT NULL,                -- AES-256-GCM under GESSO_WEBHOOKS_SECRET_KEY
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,                         -- until then it also signs; null for the current one
    request_id text        NOT NULL,
    UNIQUE (account_id, request_id)
);
CREATE UNIQUE INDEX signing_secrets_current ON signing_secrets (account_id) WHERE retired_at IS NULL;
