-- The first schema: one wide table of records and a full-text table that keeps its own copy of the text.

CREATE TABLE records (
    id            TEXT PRIMARY KEY NOT NULL,
    scope         TEXT NOT NULL DEFAULT '/',
    content       TEXT NOT NULL,
    categories    TEXT NOT NULL DEFAULT '[]',
    metadata      TEXT NOT NULL DEFAULT '{}',
    importance    REAL NOT NULL DEFAULT 0.5,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    last_accessed INTEGER NOT NULL
);

CREATE INDEX records_scope ON records(scope);
CREATE INDEX records_created_at ON records(created_at);

CREATE VIRTUAL TABLE records_fts USING fts5(content);
