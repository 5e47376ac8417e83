-- Roots of pins that are not complete, as far as somebody has met that, and what is wrong with them.
CREATE TABLE damage (
    root BLOB PRIMARY KEY,
    reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
