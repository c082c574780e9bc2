//! What runs beside the daemon when there is no Telegram and no model at hand.

pub mod offline;
