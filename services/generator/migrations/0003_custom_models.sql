-- An account's own models: weights of its own over a public model. A job freezes what it needs of one on its draw, so that a row may
-- be deleted at any time.
CREATE TABLE custom_models (
    account_id text NOT NULL,
    name text NOT NULL,
    provider text NOT NULL,
    base_model text NOT NULL,
    weights_url text NOT NULL,
    trigger_word text NOT NULL,
    price_micros bigint NOT NULL CHECK (price_micros >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, name)
);
