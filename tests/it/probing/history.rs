//! Random histories with cuts, in many chats at once: a probe never touches
//! another of the bot's messages, and nothing is lost.
