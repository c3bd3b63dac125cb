-- What each order cost us, beside what the customer paid for it: written with the end of its task. `position` is the order's first
-- picture in the task, `number` the attempt. `source` is how the cost is known (generator/costs.py), `estimate_micros` what the
-- catalogue says of it, NULL where it says nothing; `outcome` is `kept`, or the reason for which pictures of it were lost. `day` is
-- that of the task's end in UTC: rows come in its order, for which a BRIN index costs next to nothing. What of it no customer pays
-- stands in `losses`, from here on at what it costs, with the name of a reason for its cause.
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
    outcome text NOT NULL,
    day date NOT NULL,
    PRIMARY KEY (job_id, idx, number, position)
);
CREATE INDEX costs_by_day ON costs USING brin (day) WITH (pages_per_range = 16);
