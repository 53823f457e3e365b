-- The tables of a store. Every key begins with its space, and there are no sequences, foreign keys or triggers, so that engines
-- that distribute tables over machines can do so by the space. The program puts the schema's settings into agentmem_meta.
-- The program replaces /* partition */ by PARTITION BY HASH (space), unless the store is made without partitions.

-- One row a space. It orders the writes of the space, because each locks it, and has its statistics.
CREATE TABLE agentmem_spaces (
    space          bigint NOT NULL PRIMARY KEY,
    path           text COLLATE "C" NOT NULL,      -- the first parts of its scopes
    seq            bigint NOT NULL DEFAULT 0,      -- the newest number of a record, ever
    deletion       bigint NOT NULL DEFAULT 0,      -- the newest number of a deletion, ever
    late           bigint NOT NULL DEFAULT 0,      -- the newest number of a vector that came after its record, ever
    entry          bigint NOT NULL DEFAULT 0,      -- the newest number of a journal's entry, ever
    pruned         bigint NOT NULL DEFAULT 0,      -- the newest deletion that was dropped
    records        bigint NOT NULL DEFAULT 0,
    wordless       bigint NOT NULL DEFAULT 0,      -- records without terms
    terms          bigint NOT NULL DEFAULT 0,
    vectors        bigint NOT NULL DEFAULT 0,      -- records with a vector
    dimension      bigint NOT NULL DEFAULT 0,      -- length of the vectors
    analyzer       bigint NOT NULL,                -- version of the analyzer that counted the terms
    expires        bigint NOT NULL DEFAULT 9223372036854775807,  -- no record expires before
    entries_expire bigint NOT NULL DEFAULT 9223372036854775807,  -- no entry expires before
    embedder       text                            -- whose vectors these are, if it has a name
) /* partition */;

-- One row a version of a record that is there. All dates are microseconds since 1970 UTC.
CREATE TABLE agentmem_records (
    space         bigint NOT NULL,
    seq           bigint NOT NULL,                 -- the record's version
    id            text COLLATE "C" NOT NULL,
    scope         text COLLATE "C" NOT NULL,
    created_at    bigint NOT NULL,
    updated_at    bigint NOT NULL,
    last_accessed bigint NOT NULL,                 -- changes in place
    expires_at    bigint,                          -- changes in place
    importance    double precision NOT NULL,
    source        text COLLATE "C",
    private       boolean NOT NULL,
    categories    text,                            -- JSON; NULL for none
    metadata      text,                            -- JSON, as it was given; NULL for none
    content       text NOT NULL,
    vector        bytea,                           -- 32-bit floats, little-endian
    terms         integer NOT NULL,                -- how many terms the content has
    checksum      integer NOT NULL,                -- of all columns that do not change in place
    PRIMARY KEY (space, seq),
    UNIQUE (id, space)
) /* partition */;
CREATE INDEX agentmem_records_scope ON agentmem_records (space, scope, seq);
CREATE INDEX agentmem_records_created_at ON agentmem_records (space, created_at, seq);
CREATE INDEX agentmem_records_private ON agentmem_records (space, seq) WHERE private;
CREATE INDEX agentmem_records_expires_at ON agentmem_records (space, expires_at) WHERE expires_at IS NOT NULL;

-- Versions of records that were superseded.
CREATE TABLE agentmem_past (
    space         bigint NOT NULL,
    id            text COLLATE "C" NOT NULL,
    version       bigint NOT NULL,
    superseded_at bigint NOT NULL,
    scope         text COLLATE "C" NOT NULL,
    created_at    bigint NOT NULL,
    updated_at    bigint NOT NULL,
    last_accessed bigint NOT NULL,
    importance    double precision NOT NULL,
    source        text COLLATE "C",
    private       boolean NOT NULL,
    categories    text,
    metadata      text,
    content       text NOT NULL,
    vector        bytea,
    checksum      bigint NOT NULL,                 -- of all columns
    PRIMARY KEY (space, id, version)
) /* partition */;

-- What has left agentmem_records: ranges of seq, in the order of leaving.
CREATE TABLE agentmem_deletions (
    space    bigint NOT NULL,
    deletion bigint NOT NULL,
    first    bigint NOT NULL,
    last     bigint NOT NULL,
    newest   bigint NOT NULL,                      -- the newest seq when they left
    hidden   boolean NOT NULL,                     -- they expired: users see no deletion
    PRIMARY KEY (space, deletion)
) /* partition */;

-- Records whose vectors came after them, in the order of coming.
CREATE TABLE agentmem_late_vectors (
    space bigint NOT NULL,
    late  bigint NOT NULL,
    seq   bigint NOT NULL,
    PRIMARY KEY (space, late)
) /* partition */;

-- Entries of journals: of the log where key is NULL, of the map elsewhere.
CREATE TABLE agentmem_entries (
    space      bigint NOT NULL,
    number     bigint NOT NULL,
    journal    text COLLATE "C" NOT NULL,
    key        text COLLATE "C",
    written_at bigint NOT NULL,
    expires_at bigint,
    json       text,                               -- the value, if it is JSON
    bytes      bytea,                              -- the value, if it is bytes
    checksum   bigint NOT NULL,                    -- of all columns
    PRIMARY KEY (space, number)
) /* partition */;
CREATE INDEX agentmem_entries_log ON agentmem_entries (space, journal, number) WHERE key IS NULL;
CREATE UNIQUE INDEX agentmem_entries_map ON agentmem_entries (space, journal, key) WHERE key IS NOT NULL;
CREATE INDEX agentmem_entries_expires_at ON agentmem_entries (space, expires_at) WHERE expires_at IS NOT NULL;

-- The manifest: which files of the index are valid.
CREATE TABLE agentmem_segments (
    space    bigint NOT NULL,
    name     text COLLATE "C" NOT NULL,
    first    bigint NOT NULL,
    last     bigint NOT NULL,
    deletion bigint NOT NULL,
    bytes    bigint NOT NULL,
    checksum bigint NOT NULL,
    PRIMARY KEY (space, name)
) /* partition */;

-- The files of the index, in parts.
CREATE TABLE agentmem_chunks (
    space      bigint NOT NULL,
    name       text COLLATE "C" NOT NULL,
    part       integer NOT NULL,
    written_at bigint NOT NULL,
    checksum   bigint NOT NULL,
    data       bytea NOT NULL,
    PRIMARY KEY (space, name, part)
) /* partition */;
ALTER TABLE agentmem_chunks ALTER COLUMN data SET STORAGE EXTERNAL;
