-- Small rows that never change once written, numbered so that an index can follow them; full text without a
-- second copy of the content; embeddings; private records.

ALTER TABLE records RENAME TO records_v1;
DROP INDEX records_scope;
DROP INDEX records_created_at;
DROP TABLE records_fts;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY NOT NULL,
    value NOT NULL
) WITHOUT ROWID;

CREATE TABLE scopes (
    id   INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE
);

-- A row is written once; an update deletes it and writes another, with a higher seq. Only last_accessed changes
-- in place. NULL stands for the default: no categories, no metadata, importance 0.5, public, dates as created_at.
CREATE TABLE records (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            NOT NULL,                             -- 16 bytes if it is a UUID, else text
    scope         INTEGER NOT NULL REFERENCES scopes(id),
    created_at    INTEGER NOT NULL,                     -- microseconds since 1970 UTC, as all dates
    updated_at    INTEGER,
    last_accessed INTEGER,
    importance    REAL,
    source        TEXT,
    private       INTEGER,                              -- 1 or NULL
    categories    TEXT,                                 -- JSON list of texts
    metadata      TEXT,                                 -- JSON object
    content       TEXT NOT NULL,
    checksum      INTEGER                               -- of all but last_accessed; NULL until the program seals it
);

INSERT INTO scopes(path) SELECT DISTINCT scope FROM records_v1;

INSERT INTO records(id, scope, created_at, updated_at, last_accessed, importance, categories, metadata, content)
SELECT CASE
           WHEN length(old.id) = 36
                AND substr(old.id, 9, 1) || substr(old.id, 14, 1) || substr(old.id, 19, 1) || substr(old.id, 24, 1) = '----'
                AND old.id = lower(old.id)
                AND length(replace(old.id, '-', '')) = 32
           THEN coalesce(unhex(replace(old.id, '-', '')), old.id)
           ELSE old.id
       END,
       scopes.id,
       created_at,
       nullif(updated_at, created_at),
       nullif(last_accessed, created_at),
       nullif(importance, 0.5),
       nullif(categories, '[]'),
       nullif(metadata, '{}'),
       content
FROM records_v1 AS old JOIN scopes ON scopes.path = old.scope
ORDER BY old.rowid;

DROP TABLE records_v1;

CREATE UNIQUE INDEX records_id ON records(id);
CREATE INDEX records_scope ON records(scope);
CREATE INDEX records_created_at ON records(created_at);
CREATE INDEX records_private ON records(source) WHERE private IS NOT NULL;

CREATE TABLE embeddings (
    seq    INTEGER PRIMARY KEY REFERENCES records(seq),
    vector BLOB NOT NULL                                -- 32-bit floats, little-endian
);

-- What has left records: ranges of records.seq, in the order of leaving.
CREATE TABLE deletions (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL
);

-- The index files beside the database that may be believed.
CREATE TABLE segments (
    name        TEXT PRIMARY KEY NOT NULL,
    first_seq   INTEGER NOT NULL,
    last_seq    INTEGER NOT NULL,
    deleted_seq INTEGER NOT NULL,                       -- deletions.seq that the file has taken in
    bytes       INTEGER NOT NULL,
    checksum    INTEGER NOT NULL
) WITHOUT ROWID;

-- Fed with the terms of the analyzer, joined by blanks; the program keeps it in step.
CREATE VIRTUAL TABLE records_fts USING fts5(
    terms, content = '', detail = none, columnsize = 0, tokenize = "ascii tokenchars '_'"
);
-- Terms are gathered in so many bytes of memory before they are written: many records in one go need few merges.
INSERT INTO records_fts(records_fts, rank) VALUES ('hashsize', 16777216);
CREATE VIRTUAL TABLE records_fts_terms USING fts5vocab(records_fts, 'row');

-- Analyzer version 0 asks the program to fill the full text anew.
INSERT INTO meta(key, value) VALUES
    ('store', lower(hex(randomblob(16)))),
    ('analyzer_version', 0),
    ('records', (SELECT count(*) FROM records)),
    ('terms', 0);

-- For people with the sqlite3 tool.
CREATE VIEW memories AS
SELECT records.seq,
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
       strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(last_accessed, created_at) / 1e6, 'unixepoch') AS last_accessed
FROM records JOIN scopes ON scopes.id = records.scope;
