INSERT INTO stanchion_{component}.migrations (version, name, checksum) VALUES ($1, $2, $3)
