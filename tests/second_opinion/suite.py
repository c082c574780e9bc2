"""aiogram against the stand-in Bot API.

Starts the server given on the command line, runs every check, prints one line
per check and "N passed, N failed" at the end. Exit status 1 if any failed.
"""

import asyncio
import json
import subprocess
import sys
import traceback

import aiohttp
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputRichMessage,
    MessageEntity,
    ReactionTypeEmoji,
    ReplyParameters,
)

ALLOWED = [
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "stopped_message_generation",
]


class World:
    """The server's other side: people, faults, what was seen."""

    def __init__(self, base, http):
        self.base = base + "/control/"
        self.http = http

    async def post(self, path, body=None):
        async with self.http.post(self.base + path, json=body) as answer:
            text = await answer.text()
            assert answer.status < 300, f"{path}: {answer.status} {text}"
            return json.loads(text) if text else None

    async def get(self, path):
        async with self.http.get(self.base + path) as answer:
            return await answer.json()

    async def act(self, act, **fields):
        return await self.post("act", {"act": act, **fields})

    async def say(self, person, text, **place):
        return await self.act("say", place={"person": person, **place}, text=text)

    async def shown(self, chat):
        """The bot's messages that people see, newest version."""
        view = await self.get(f"chats/{chat}")
        return [
            post["versions"][-1]
            for post in view["posts"]
            if post["author"] == "bot" and post["deleted"] is None
        ]


class Suite:
    def __init__(self, bot, world, new_bot):
        self.bot = bot
        self.world = world
        self.new_bot = new_bot
        self.offset = None
        self.people = 0

    async def person(self):
        """A fresh person with an open chat and an empty queue."""
        self.people += 1
        made = await self.world.act("add_person", first_name=f"Person {self.people}")
        await self.world.say(made["id"], "/start")
        await self.drain()
        return made["id"]

    async def poll(self, timeout=5):
        updates = await self.bot.get_updates(
            offset=self.offset, timeout=timeout, allowed_updates=ALLOWED, request_timeout=30
        )
        if updates:
            self.offset = updates[-1].update_id + 1
        return updates

    async def receive(self, count):
        """That many updates; the server hands out one at a time when the same
        offset is asked for twice within half a second."""
        updates = []
        while len(updates) < count:
            got = await self.poll()
            assert got, f"only {len(updates)} of {count} updates"
            updates += got
        assert len(updates) == count
        return updates

    async def drain(self):
        while (await self.world.get("state"))["pending"]:
            await self.poll()
            await self.bot.get_updates(offset=self.offset, timeout=0)

    async def check_get_me(self):
        me = await self.bot.get_me()
        assert me.is_bot and me.username == "lastword_bot", me

    async def check_commands_are_kept(self):
        await self.bot.set_my_commands([BotCommand(command="stop", description="Stop")])
        commands = await self.bot.get_my_commands()
        assert [one.command for one in commands] == ["stop"], commands

    async def check_long_poll_gets_what_a_person_writes(self):
        person = await self.person()
        waiting = asyncio.create_task(self.poll(20))
        await asyncio.sleep(0.2)
        await self.world.say(person, "hello /help there")
        (update,) = await asyncio.wait_for(waiting, 10)
        assert update.message.text == "hello /help there"
        assert update.message.from_user.id == person
        assert update.message.entities[0].type == "bot_command"

    async def check_a_confirmed_update_does_not_come_again(self):
        person = await self.person()
        await self.world.say(person, "one")
        await self.poll()
        await self.world.say(person, "two")
        (update,) = await self.poll()
        assert update.message.text == "two"

    async def check_a_reply_arrives(self):
        person = await self.person()
        asked = await self.world.say(person, "question")
        sent = await self.bot.send_message(
            person,
            "a bold answer",
            entities=[MessageEntity(type="bold", offset=2, length=4)],
            reply_parameters=ReplyParameters(message_id=asked["message_ids"][0]),
        )
        assert sent.reply_to_message.text == "question"
        assert sent.entities[0].type == "bold"
        assert [one["text"] for one in await self.world.shown(person)] == ["a bold answer"]

    async def check_an_edit_replaces_and_is_idempotent(self):
        person = await self.person()
        sent = await self.bot.send_message(person, "draft")
        edited = await sent.edit_text("final", parse_mode=None)
        assert edited.text == "final" and edited.edit_date
        try:
            await sent.edit_text("final", parse_mode=None)
            raise AssertionError("an equal edit passed")
        except TelegramBadRequest as error:
            assert "message is not modified" in error.message
        assert len(await self.world.shown(person)) == 1

    async def check_html_is_parsed(self):
        person = await self.person()
        sent = await self.bot.send_message(person, "<b>bo</b> &lt;", parse_mode="HTML")
        assert sent.text == "bo <" and sent.entities[0].length == 2
        assert sent.html_text == "<b>bo</b> &lt;"

    async def check_a_callback_is_received_and_answered_once(self):
        person = await self.person()
        keyboard = InlineKeyboardMarkup(
            inline_keyboard=[[InlineKeyboardButton(text="Retry", callback_data="retry:1")]]
        )
        sent = await self.bot.send_message(person, "failed", reply_markup=keyboard)
        await self.world.act(
            "press", place={"person": person}, message_id=sent.message_id, data="retry:1"
        )
        (update,) = await self.poll()
        query = update.callback_query
        assert query.data == "retry:1" and query.message.message_id == sent.message_id
        assert await self.bot.answer_callback_query(query.id, text="on it")
        try:
            await self.bot.answer_callback_query(query.id)
            raise AssertionError("a query was answered twice")
        except TelegramBadRequest as error:
            assert "query is too old" in error.message

    async def check_a_second_poller_is_a_conflict_for_the_first(self):
        await self.drain()
        first = asyncio.create_task(self.poll(20))
        await asyncio.sleep(0.2)
        other = self.new_bot()
        try:
            second = asyncio.create_task(
                other.get_updates(offset=self.offset, timeout=1, request_timeout=10)
            )
            try:
                await asyncio.wait_for(first, 10)
                raise AssertionError("the first poll was not told")
            except TelegramConflictError as error:
                assert "terminated by other getUpdates" in error.message
            assert await second == []
        finally:
            await other.session.close()

    async def check_polling_beside_a_webhook_is_a_conflict(self):
        await self.bot.set_webhook("https://127.0.0.1:9/hook", secret_token="s")
        try:
            info = await self.bot.get_webhook_info()
            assert info.url == "https://127.0.0.1:9/hook"
            await self.poll(0)
            raise AssertionError("polled beside a webhook")
        except TelegramConflictError as error:
            assert "webhook is active" in error.message
        finally:
            await self.bot.delete_webhook()

    async def check_429_names_the_seconds(self):
        await self.world.post(
            "faults",
            {"method": "sendMessage", "fault": "refuse", "code": 429, "retry_after_s": 7},
        )
        person = await self.person()
        try:
            await self.bot.send_message(person, "x")
            raise AssertionError("no 429")
        except TelegramRetryAfter as error:
            assert error.retry_after == 7

    async def check_the_limit_of_a_chat_is_429(self):
        person = await self.person()
        try:
            for number in range(5):
                await self.bot.send_message(person, f"flood {number}")
            raise AssertionError("no limit")
        except TelegramRetryAfter as error:
            assert error.retry_after >= 1
        assert len(await self.world.shown(person)) in (3, 4)

    async def check_errors_are_what_the_client_expects(self):
        person = await self.person()
        expected = [
            (TelegramBadRequest, "chat not found", self.bot.send_message(424242, "x")),
            (TelegramBadRequest, "too long", self.bot.send_message(person, "x" * 4097)),
            (
                TelegramBadRequest,
                "message to edit not found",
                self.bot.edit_message_text("x", chat_id=person, message_id=10**6),
            ),
        ]
        for kind, words, call in expected:
            try:
                await call
                raise AssertionError(f"no error: {words}")
            except kind as error:
                assert words in error.message, error
        await self.world.act("block", person=person)
        try:
            await self.bot.send_message(person, "x")
            raise AssertionError("sent to a blocker")
        except TelegramForbiddenError as error:
            assert "blocked by the user" in error.message
        (update,) = await self.poll()
        assert update.my_chat_member.new_chat_member.status == "kicked"
        stranger = self.new_bot("7000001:wrong")
        try:
            await stranger.get_me()
            raise AssertionError("a wrong token passed")
        except TelegramUnauthorizedError:
            pass
        finally:
            await stranger.session.close()

    async def check_a_bad_gateway_and_a_cut_connection_are_told_apart(self):
        person = await self.person()
        await self.world.post("faults", {"method": "sendMessage", "fault": "refuse", "code": 500})
        try:
            await self.bot.send_message(person, "x")
            raise AssertionError("no 500")
        except TelegramServerError:
            pass
        await self.world.post("faults", {"method": "sendMessage", "fault": "cut_after"})
        try:
            await self.bot.send_message(person, "sent all the same")
            raise AssertionError("not cut")
        except TelegramNetworkError:
            pass
        assert [one["text"] for one in await self.world.shown(person)] == ["sent all the same"]

    async def check_drafts_rich_messages_and_stop(self):
        person = await self.person()
        await self.bot.send_message_draft(person, draft_id=5, text="thinking", can_stop=True)
        await self.bot.send_rich_message_draft(
            person, draft_id=5, rich_message=InputRichMessage(markdown="# Title"), can_stop=True
        )
        (draft,) = (await self.world.get(f"chats/{person}"))["drafts"]
        assert draft["content"]["rich"] == {"markdown": "# Title"}, draft
        await self.world.act("stop", place={"person": person})
        (update,) = await self.poll()
        assert update.stopped_message_generation.draft_id == 5
        sent = await self.bot.send_rich_message(
            person, rich_message=InputRichMessage(markdown="# Title\n\ntext")
        )
        assert sent.rich_message is not None
        assert (await self.world.get(f"chats/{person}"))["drafts"] == []
        await self.world.post("settings", {"rich": False})
        try:
            await self.bot.send_rich_message(
                person, rich_message=InputRichMessage(markdown="x")
            )
            raise AssertionError("an old server knew rich messages")
        except TelegramNotFound:
            pass
        finally:
            await self.world.post("settings", {})

    async def check_a_photo_can_be_downloaded(self):
        person = await self.person()
        await self.world.act(
            "send", place={"person": person}, medium="photo", caption="look", count=2
        )
        first, second = await self.receive(2)
        assert first.message.media_group_id == second.message.media_group_id
        assert first.message.caption == "look"
        file = await self.bot.get_file(first.message.photo[-1].file_id)
        content = await self.bot.download_file(file.file_path)
        assert content.read().startswith(b"\x89PNG")

    async def check_voice_document_and_sticker_are_understood(self):
        person = await self.person()
        for medium in ("voice", "document", "sticker"):
            await self.world.act("send", place={"person": person}, medium=medium)
        updates = await self.receive(3)
        kinds = [update.message.content_type for update in updates]
        assert kinds == ["voice", "document", "sticker"], kinds

    async def check_a_forum_and_its_members(self):
        person = await self.person()
        group = await self.world.act(
            "open_group", kind="forum", title="Readers", members=[person]
        )
        chat = group["id"]
        topic = (await self.world.act("open_topic", chat=chat, person=person, name="Books"))["id"]
        await self.world.say(person, "hi @lastword_bot", chat=chat, thread=topic)
        # The bot's arrival, the group, the topic, then what was said.
        updates = await self.receive(4)
        message = updates[-1].message
        assert message.message_thread_id == topic and message.is_topic_message
        answer = await self.bot.send_message(chat, "hi", message_thread_id=topic)
        assert answer.message_thread_id == topic
        (owner,) = await self.bot.get_chat_administrators(chat)
        assert owner.user.id == person and owner.status == "creator"
        member = await self.bot.get_chat_member(chat, self.bot.id)
        assert member.status == "member"
        full = await self.bot.get_chat(chat)
        assert full.is_forum and full.title == "Readers"
        assert await self.bot.set_message_reaction(
            chat, message.message_id, [ReactionTypeEmoji(emoji="👍")]
        )
        assert await self.bot.send_chat_action(chat, "typing", message_thread_id=topic)
        assert await answer.delete()


async def run(base, token):
    server = TelegramAPIServer.from_base(base)

    def new_bot(secret=token):
        return Bot(secret, session=AiohttpSession(api=server))

    passed = failed = 0
    async with aiohttp.ClientSession() as http, new_bot() as bot:
        suite = Suite(bot, World(base, http), new_bot)
        for name in [name for name in dir(Suite) if name.startswith("check_")]:
            try:
                await asyncio.wait_for(getattr(suite, name)(), 60)
                passed += 1
                print("ok    ", name)
            except Exception:
                failed += 1
                print("FAILED", name)
                traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed")
    return failed == 0


def main():
    server = subprocess.Popen([sys.argv[1]], stdout=subprocess.PIPE, text=True)
    try:
        told = json.loads(server.stdout.readline())
        good = asyncio.run(run(told["base"], told["token"]))
    finally:
        server.kill()
        server.wait()
    sys.exit(0 if good else 1)


main()
