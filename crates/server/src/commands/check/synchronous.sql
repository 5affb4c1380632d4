SELECT current_setting('synchronous_standby_names'), current_setting('synchronous_commit')
