DROP TABLE baton.{name}
