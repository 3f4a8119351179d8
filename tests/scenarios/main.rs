//! Scenarios through the real binary, one program for all of them so that it is linked once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod clients;
mod command_line;
mod compare;
mod crash;
mod described;
mod faults;
mod hindsight;
mod http;
mod import;
mod imported;
mod models;
mod ordinary;
mod parts;
mod production;
mod registry;
mod replay;
mod report;
mod selftest;
mod silences;
mod support;
