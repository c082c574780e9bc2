//! Contract tests
