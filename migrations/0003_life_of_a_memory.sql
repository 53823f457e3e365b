-- The life of a memory: expiry, versions that were superseded, journals.

-- When a record expires. Changes in place, as last_accessed does, so no index or cached filter remembers it.
CREATE TABLE expiries (
    seq      INTEGER PRIMARY KEY REFERENCES records(seq), -- enforced: goes before its record, as in embeddings
    at       INTEGER NOT NULL,                            -- microseconds since 1970 UTC
    checksum INTEGER NOT NULL                             -- of seq and at: a flipped bit must not delete a record
);
CREATE INDEX expiries_at ON expiries(at);

-- Versions of records that were superseded. A row is written once and deleted with its record; it is never searched, listed or counted.
CREATE TABLE past (
    id            NOT NULL,                             -- as in records, like all that is not explained
    version       INTEGER NOT NULL,                     -- records.seq of the row that it was
    superseded_at INTEGER NOT NULL,                     -- the created_at of the next version
    scope         TEXT NOT NULL,                        -- the path: the row of scopes may be gone
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER,
    last_accessed INTEGER,
    importance    REAL,
    source        TEXT,
    private       INTEGER,
    categories    TEXT,
    metadata      TEXT,
    content       TEXT NOT NULL,
    vector        BLOB,
    checksum      INTEGER NOT NULL                      -- of all columns
);
CREATE UNIQUE INDEX past_id ON past(id, version);

-- Deletions tell their place among the writes.
ALTER TABLE deletions ADD COLUMN newest INTEGER;        -- the newest records.seq when they left; NULL in rows of an older version
ALTER TABLE deletions ADD COLUMN hidden INTEGER;        -- 1 if users see no deletion, because the records expired

-- How many records have no terms: the statistics of searches leave them out. The program provides has_terms.
INSERT INTO meta(key, value)
VALUES ('wordless', (SELECT count(*) FROM records WHERE content NOT GLOB '*[A-Za-z0-9]*' AND NOT has_terms(content)));

CREATE TABLE journals (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
);

-- A journal's log where key is NULL, its map elsewhere. Numbers rise in the whole store and are never used twice.
-- Queries must say `key IS NULL` or `key IS NOT NULL`: without it SQLite reads the whole table.
CREATE TABLE entries (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    journal    INTEGER NOT NULL,                        -- journals.id; no REFERENCES: its check at the end of a journal reads the whole table
    written_at INTEGER NOT NULL,
    expires_at INTEGER,
    key        TEXT,
    value      NOT NULL,                                -- JSON as text, or bytes
    checksum   INTEGER NOT NULL                         -- of all columns and the journal's name
);
CREATE INDEX entries_log ON entries(journal, number) WHERE key IS NULL;
CREATE UNIQUE INDEX entries_map ON entries(journal, key) WHERE key IS NOT NULL;
CREATE INDEX entries_expires_at ON entries(expires_at) WHERE expires_at IS NOT NULL;

-- An older agentmem that has the store open must not go on writing. This version and newer ones open stores with triggers off.
CREATE TRIGGER records_fence_insert BEFORE INSERT ON records
BEGIN SELECT raise(ABORT, 'a newer agentmem has migrated this store; restart this program with that version'); END;
CREATE TRIGGER records_fence_delete BEFORE DELETE ON records
BEGIN SELECT raise(ABORT, 'a newer agentmem has migrated this store; restart this program with that version'); END;

DROP VIEW memories;
CREATE VIEW memories AS
SELECT records.seq AS version,
       CASE typeof(records.id)
           WHEN 'blob' THEN lower(
               substr(hex(records.id), 1, 8) || '-' || substr(hex(records.id), 9, 4) || '-'
               || substr(hex(records.id), 13, 4) || '-' || substr(hex(records.id), 17, 4) || '-'
               || substr(hex(records.id), 21))
           ELSE records.id
       END AS id,
       scopes.path AS scope,
       content,
       coalesce(categories, '[]') AS categories,
       coalesce(metadata, '{}') AS metadata,
       coalesce(importance, 0.5) AS importance,
       source,
       coalesce(private, 0) AS private,
       strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1e6, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(updated_at, created_at) / 1e6, 'unixepoch') AS updated_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(last_accessed, created_at) / 1e6, 'unixepoch') AS last_accessed,
       strftime('%Y-%m-%dT%H:%M:%fZ', expiries.at / 1e6, 'unixepoch') AS expires_at
FROM records JOIN scopes ON scopes.id = records.scope LEFT JOIN expiries ON expiries.seq = records.seq;
