-- Tasks that ended without pictures though a vendor has their orders by name: looked after until `until`, next at `due_at`. What comes
-- is put onto the task, uncharged.
CREATE TABLE late_orders (
    job_id text NOT NULL,
    idx integer NOT NULL,
    due_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    try_count integer NOT NULL DEFAULT 0,
    PRIMARY KEY (job_id, idx)
);
CREATE INDEX late_orders_due ON late_orders (due_at);
