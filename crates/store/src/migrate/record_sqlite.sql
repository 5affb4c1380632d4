INSERT INTO stanchion_{component}_migrations (version, name, checksum) VALUES (?1, ?2, ?3)
