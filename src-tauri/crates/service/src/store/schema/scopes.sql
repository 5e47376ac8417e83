-- What a key may do, and what is shown of it. `api_key` names the key and proves nothing without its secret.
ALTER TABLE keys ADD COLUMN id_shown BLOB;
ALTER TABLE keys ADD COLUMN api_key TEXT;
ALTER TABLE keys ADD COLUMN scopes TEXT NOT NULL DEFAULT 'admin list pin pin_by_hash unpin';
UPDATE keys SET id_shown = randomblob(16);
CREATE UNIQUE INDEX keys_by_id_shown ON keys (id_shown);
CREATE INDEX keys_by_secret ON keys (secret_hash);
