//! The catalogue on both databases, its plans, and the wrong backends that the suite must reject.
mod databases;
mod postgres;
mod sqlite;
