//! HTTP from outside: the door, signing in, bad input, and the description. In process, on a node of its own with
//! a SQLite file, and with PostgreSQL too for what operators do; nothing is faked.

mod description;
mod destination;
mod door;
mod exchange;
mod input;
mod live;
mod operation;
mod pages;
mod sign_in;
mod source;
mod support;
