-- An account's own keys at vendors. `sealed` is an envelope (generator/keyring.py) under the operator's key `key_id`, bound to this
-- account and provider; `masked` is what may be shown of it.
CREATE TABLE provider_keys (
    account_id text NOT NULL,
    provider text NOT NULL,
    key_id text NOT NULL,
    sealed bytea NOT NULL,
    masked text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, provider)
);

-- Whether a task is drawn with its account's stored keys alone. The key itself stands above, and nowhere in the task: whoever works
-- on it reads the key when the order is placed.
ALTER TABLE tasks ADD COLUMN own_key boolean NOT NULL DEFAULT false;
