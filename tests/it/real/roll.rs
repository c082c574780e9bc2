//! `lastword roll`, the command.
