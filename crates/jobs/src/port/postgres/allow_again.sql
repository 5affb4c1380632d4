SET LOCAL statement_timeout TO DEFAULT
