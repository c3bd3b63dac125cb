-- What a delivered picture costs can follow from its own size, where the request left that to the model: the account's markup of
-- then must be known when the charge is frozen.
ALTER TABLE jobs ADD COLUMN markup_percent integer NOT NULL DEFAULT 0;
