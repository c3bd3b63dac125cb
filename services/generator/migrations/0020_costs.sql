-- What each order cost us, beside what the customer paid for it: written with the end of its task. `position` is the order's first
-- picture in the task, `number` the attempt. `source` is how the cost is known (generator/costs.py), `estimate_micros` what the
-- catalogue says of it, NULL where it says nothing; `outcome` is `kept`, or the reason for which pictures of it were lost. `day` is
-- that of the task's end in UTC: rows come in its order, for which a BRIN index costs next to nothing. `lost_micros` is what of the
-- cost no customer pays.
CREATE TABLE costs (
    job_id text NOT NULL,
    idx integer NOT NULL,
    number integer NOT NULL,
    position integer NOT NULL,
    provider text NOT NULL,
    upstream_model text NOT NULL,
    model text NOT NULL,
    dialect text NOT NULL,
    picture_count integer NOT NULL,
    cost_micros bigint NOT NULL CHECK (cost_micros >= 0),
    source text NOT NULL,
    estimate_micros bigint,
    paid_micros bigint NOT NULL,
    lost_micros bigint NOT NULL CHECK (lost_micros BETWEEN 0 AND cost_micros),
    outcome text NOT NULL,
    day date NOT NULL,
    PRIMARY KEY (job_id, idx, number, position)
);
CREATE INDEX costs_by_day ON costs USING brin (day) WITH (pages_per_range = 16);

-- What the previous version booked as lost, at the customer's price: nobody knows what it cost. The table stays while that version
-- may still write to it, and is read no more.
INSERT INTO costs
SELECT losses.job_id, losses.idx, 0, 0, losses.provider, tasks.upstream_model,
    coalesce(tasks.model, substr(split_part(tasks.price_rule, ' ', 1), strpos(tasks.price_rule, '/') + 1)), jobs.dialect, 0,
    amount_micros, 'estimate', NULL, 0, amount_micros, 'UNSPECIFIED', (losses.created_at AT TIME ZONE 'UTC')::date
FROM losses JOIN tasks USING (job_id, idx) JOIN jobs ON jobs.id = losses.job_id;
