-- Pictures and their bytes. An image is a row of an account; a blob is the bytes that one or more of its images share.

CREATE TABLE images (
    id           text        PRIMARY KEY,
    account_id   text        NOT NULL,
    state        smallint    NOT NULL,              -- gesso.gallery.v1.Image.State
    source       smallint    NOT NULL,              -- gesso.gallery.v1.Image.Source
    digest       bytea       NOT NULL,              -- SHA-256 of the file outside its manifest slot
    blob_key     text        NOT NULL,
    format       text        NOT NULL,
    width        integer     NOT NULL CHECK (width > 0),
    height       integer     NOT NULL CHECK (height > 0),
    byte_count   bigint      NOT NULL CHECK (byte_count > 0),
    job_id       text        NOT NULL DEFAULT '',
    task_index   integer     NOT NULL DEFAULT 0,
    image_index  integer     NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz
);
CREATE INDEX images_by_account ON images (account_id, id);
CREATE INDEX images_by_job ON images (job_id) WHERE job_id <> '';
CREATE INDEX images_by_expiry ON images (expires_at) WHERE state = 1 AND expires_at IS NOT NULL;

CREATE TABLE blobs (
    account_id      text        NOT NULL,
    digest          bytea       NOT NULL,
    blob_key        text        NOT NULL,
    byte_count      bigint      NOT NULL,
    reference_count integer     NOT NULL CHECK (reference_count >= 0),
    unused_since    timestamptz,                    -- since when no image refers to it
    deleted_at      timestamptz,                    -- its bytes may go at any moment: a late record is told to put them again
    erased_at       timestamptz,                    -- its bytes are gone; the row stays a while, for late records
    PRIMARY KEY (account_id, digest)
);
CREATE INDEX blobs_unused ON blobs (unused_since) WHERE reference_count = 0;

CREATE TABLE storage (
    account_id  text   PRIMARY KEY,
    image_count bigint NOT NULL CHECK (image_count >= 0),
    byte_count  bigint NOT NULL CHECK (byte_count >= 0)
);
