-- How often the API's gateway led to a root, and when last, in microseconds since 1970.
CREATE TABLE visits (
    root BLOB PRIMARY KEY,
    times INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
