SELECT version, checksum FROM stanchion_{component}.migrations ORDER BY version
