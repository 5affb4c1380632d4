//! The catalogue on both databases, and the wrong backends that the suite must reject.
mod broken;
mod databases;
mod postgres;
mod real_products;
mod sqlite;
