-- Who calls, what they may, what they owe. Money is in micros (int64 millionths of a US dollar), time is UTC.
--
-- Hot tables (holds, journal_entries, windows) have no foreign keys: each checked row would lock its account's row once
-- more, and the one row that every writer locks first, the account, is proof enough that it exists.

-- An account is also its wallet: the row that every movement of its money locks first, so that posted and held change one
-- transaction at a time. Its checks are the last line behind the rules: available money is never negative.
CREATE TABLE accounts (
    id                  text COLLATE "C" PRIMARY KEY,
    name                text NOT NULL,
    plan                text NOT NULL,
    state               text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended', 'closed')),
    limits              jsonb NOT NULL DEFAULT '{}',
    subscription_active boolean NOT NULL,
    renews_at           timestamptz,
    created_at          timestamptz NOT NULL,
    posted_micros       bigint NOT NULL DEFAULT 0,
    held_micros         bigint NOT NULL DEFAULT 0,
    -- How many budgets there are, so that a hold on an account without any need not look for them.
    budgets             integer NOT NULL DEFAULT 0,
    CONSTRAINT held_is_not_negative CHECK (held_micros >= 0),
    CONSTRAINT available_is_not_negative CHECK (posted_micros >= held_micros)
) WITH (fillfactor = 70);

CREATE TABLE api_keys (
    id            text COLLATE "C" PRIMARY KEY,
    account_id    text COLLATE "C" NOT NULL REFERENCES accounts,
    number        integer NOT NULL CHECK (number > 0),
    name          text NOT NULL,
    prefix        text NOT NULL,
    masked        text NOT NULL,
    created_at    timestamptz NOT NULL,
    revoked_at    timestamptz,
    last_used_at  timestamptz,
    request_count bigint NOT NULL DEFAULT 0,
    UNIQUE (account_id, number)
) WITH (fillfactor = 80);

-- The SHA-256 of each secret that opens a key: two while a rotation overlaps.
CREATE TABLE key_digests (
    digest     bytea PRIMARY KEY CHECK (length(digest) = 32),
    api_key_id text COLLATE "C" NOT NULL REFERENCES api_keys,
    expires_at timestamptz
);
CREATE INDEX key_digests_by_key ON key_digests (api_key_id);

CREATE TABLE holds (
    id              text COLLATE "C" PRIMARY KEY,
    account_id      text COLLATE "C" NOT NULL,
    api_key_id      text COLLATE "C" NOT NULL,
    job_id          text COLLATE "C" NOT NULL,
    state           text NOT NULL CHECK (state IN ('open', 'captured', 'released')),
    amount_micros   bigint NOT NULL CHECK (amount_micros >= 0),
    captured_micros bigint NOT NULL DEFAULT 0,
    refunded_micros bigint NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    review_at       timestamptz NOT NULL,
    settled_at      timestamptz,
    CONSTRAINT captured_is_within_the_hold CHECK (captured_micros BETWEEN 0 AND amount_micros),
    CONSTRAINT refunded_is_within_the_capture CHECK (refunded_micros BETWEEN 0 AND captured_micros),
    CONSTRAINT captured_is_above_zero CHECK ((state = 'captured') = (captured_micros > 0)),
    CONSTRAINT open_until_settled CHECK ((state = 'open') = (settled_at IS NULL))
);
CREATE INDEX holds_by_age ON holds (created_at, id);
CREATE INDEX holds_by_account ON holds (account_id, created_at);
CREATE INDEX holds_open ON holds (review_at) WHERE state = 'open';

-- Double entry: each entry debits one ledger account and credits another with the same amount, so an unbalanced one
-- cannot be written. The wallet is a liability: a credit raises what the customer has. `account_id` is whose wallet.
CREATE TABLE journal_entries (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text NOT NULL,
    debit         text NOT NULL,
    credit        text NOT NULL,
    amount_micros bigint NOT NULL CHECK (amount_micros > 0),
    account_id    text COLLATE "C" NOT NULL,
    hold_id       text COLLATE "C",
    request_id    text COLLATE "C",
    occurred_at   timestamptz NOT NULL,
    CONSTRAINT known_movement CHECK ((kind, debit, credit) IN (
        ('grant', 'grants', 'wallet'), ('capture', 'wallet', 'revenue'), ('refund', 'refunds', 'wallet'))),
    CONSTRAINT hold_is_named CHECK ((hold_id IS NULL) = (kind = 'grant'))
);
CREATE INDEX journal_entries_by_account ON journal_entries (account_id, id);
CREATE UNIQUE INDEX one_capture_per_hold ON journal_entries (hold_id) WHERE kind = 'capture';
CREATE INDEX refunds_by_hold ON journal_entries (hold_id) WHERE kind = 'refund';

-- The entries as postings; a credit is positive.
CREATE VIEW postings AS
    SELECT id AS entry_id, debit AS ledger, account_id, -amount_micros AS amount_micros, occurred_at FROM journal_entries
    UNION ALL
    SELECT id, credit, account_id, amount_micros, occurred_at FROM journal_entries;

-- spent and held count the holds that were placed since starts_at; alerted_percent is the highest alert of that period.
CREATE TABLE budgets (
    account_id       text COLLATE "C" NOT NULL REFERENCES accounts,
    api_key_id       text COLLATE "C" NOT NULL,
    period           text NOT NULL CHECK (period IN ('day', 'month')),
    limit_micros     bigint NOT NULL CHECK (limit_micros > 0),
    alert_at_percent integer[] NOT NULL,
    starts_at        timestamptz NOT NULL,
    spent_micros     bigint NOT NULL CHECK (spent_micros >= 0),
    held_micros      bigint NOT NULL CHECK (held_micros >= 0),
    alerted_percent  integer NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, api_key_id, period)
);

-- Requests counted by window. A crash empties an unlogged table: a minute's or an hour's count may be lost, a day's not.
CREATE UNLOGGED TABLE windows (
    starts_at bigint NOT NULL,
    seconds   integer NOT NULL,
    subject   text COLLATE "C" NOT NULL,
    dialect   text COLLATE "C" NOT NULL,
    requests  bigint NOT NULL,
    PRIMARY KEY (starts_at, seconds, subject, dialect)
) WITH (fillfactor = 50);
CREATE TABLE day_windows (
    starts_at bigint NOT NULL,
    seconds   integer NOT NULL,
    subject   text COLLATE "C" NOT NULL,
    dialect   text COLLATE "C" NOT NULL,
    requests  bigint NOT NULL,
    PRIMARY KEY (starts_at, seconds, subject, dialect)
) WITH (fillfactor = 50);

-- What each request_id has made: the same one with other contents is a conflict.
CREATE TABLE requests (
    request_id  text COLLATE "C" PRIMARY KEY,
    fingerprint bytea NOT NULL,
    subject_id  text NOT NULL,
    created_at  timestamptz NOT NULL
);

CREATE TABLE audit_entries (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,
    account_id  text COLLATE "C" NOT NULL,
    subject_id  text NOT NULL,
    detail      jsonb NOT NULL,
    request_id  text NOT NULL
);
CREATE INDEX audit_entries_by_account ON audit_entries (account_id, id);

CREATE TABLE outbox (
    id         bigserial PRIMARY KEY,
    payload    bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The journal and the audit only grow. The statement is refused even where it would match no row.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', tg_table_name USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
