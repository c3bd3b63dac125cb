-- Apart from the columns, whose statements lock the table until they are committed: here only rows are locked, and those of jobs
-- that run, which the previous version may be writing, last.
UPDATE jobs SET number = nextval('job_numbers') WHERE number IS NULL AND finished_at IS NOT NULL;
UPDATE jobs SET number = nextval('job_numbers') WHERE number IS NULL;
