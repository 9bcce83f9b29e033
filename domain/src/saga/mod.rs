//! Stateless sagas: an event is observed, commands are issued, nothing is remembered.
