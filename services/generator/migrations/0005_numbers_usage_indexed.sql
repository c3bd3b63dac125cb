-- Apart from the rows that were filled: who builds an index while it holds rows that others wait for waits for them in turn.
CREATE UNIQUE INDEX jobs_by_number ON jobs (number);
CREATE INDEX jobs_by_account_and_time ON jobs (account_id, created_at);
