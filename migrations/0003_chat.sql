-- What a good chat needs to know. Additive: a binary that knows only the schema
-- before goes on without it.

-- The language of who is answered (IETF tag, as Telegram tells it).
ALTER TABLE turns ADD COLUMN language TEXT;
