SELECT version, checksum FROM stanchion_{component}_migrations ORDER BY version
