-- What an account prefers and what its prompts meet, how often it called, and what a repeated order for a key is answered from.

ALTER TABLE accounts
    ADD COLUMN email       text NOT NULL DEFAULT '',
    ADD COLUMN preferences jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN safety      jsonb NOT NULL DEFAULT '{}';

-- Calls by UTC hour (Unix seconds), kept as long as the account: they are figures for people, no limit rests on them.
CREATE TABLE call_hours (
    account_id text COLLATE "C" NOT NULL,
    dialect    text COLLATE "C" NOT NULL,
    starts_at  bigint NOT NULL,
    calls      bigint NOT NULL,
    PRIMARY KEY (account_id, dialect, starts_at)
) WITH (fillfactor = 50);

-- One half of what an api key is derived from; the other is a key that the database does not hold. Forgotten after a day.
ALTER TABLE requests ADD COLUMN salt bytea;
CREATE INDEX requests_with_salt ON requests (created_at) WHERE salt IS NOT NULL;
