# The bot's own words in English: the texts every other language is measured by.
# What each is for stands in texts.rs. Buttons are short; nothing is longer than
# 200 characters, the limit of a button's answer.

greeting = Hello! Write to me about anything: ask, think aloud, send a photo. Several messages in a row get one answer. /help shows what else I can do.
help =
    Just write, I'll answer.
    /new starts over
    /stop ends an answer
    /retry tries again
    /forget erases this chat from my memory
help_group =
    Mention @{ $bot } or reply to one of my messages, and I'll answer.
    /new starts over, /stop ends an answer, /forget erases my memory of this group.
help_privacy = Telegram shows me only what is meant for me here, so I don't know what else was said.
stranger = This bot is private, so I can't answer you here. Sorry!
claimed = Welcome! This bot is yours now. Write to me whenever you like; others get a polite no.
claim_invalid = This link has been used or isn't valid. If the bot is yours, the current one is in its log.
too_fast = That's a lot at once! I've kept everything and will answer a little more slowly.
placeholder = …
unfinished = {" "}…
thinking = Thinking…
in_line = Many people are writing to me. You're number { $place } in line, and I haven't forgotten you.
thoughts = What I thought about
stop_button = Stop
stopped = ⏹ Stopped
nothing_to_stop = There's nothing to stop right now.
not_yours = Only the person who asked or an administrator can do this.
button_expired = This button no longer does anything.
paused = I'm paused for a while. Your message is kept, and I'll answer as soon as I'm back.
failed = I'm sorry, I couldn't answer this time. Your message is kept; shall I try again?
model_away = I'm sorry, my model isn't answering right now. Your message is kept; shall I try again?
too_late = I'm sorry for the long silence: I couldn't answer in time. Your message is kept; shall I answer it now?
too_long = I'm sorry, that is more than my model can read at once. Could you send it in smaller pieces?
damaged = I'm sorry, your message was damaged on my side. Please send it once more.
retry_button = Try again
retrying = Trying again…
nothing_to_retry = There's nothing to try again.
new_done = A fresh start! I've put our earlier conversation aside.
forget_question = Shall I erase everything from this chat that I remember? This can't be undone. Your messages in Telegram stay.
forget_yes = Erase it
forget_no = Keep it
forget_done = Done. I remember nothing from this chat.
forget_kept = All right, I've kept everything.
voice_unsupported = I can't listen to recordings here. Could you write it to me?
document_unsupported = I can't open this kind of file. Could you paste the part that matters, or send a photo of it?
other_unsupported = I can't read this kind of message yet. Could you tell me in words?
photo_unavailable = I couldn't open the photo. Could you send it again, perhaps smaller?
file_unavailable = I couldn't open this. Could you send it again?
file_too_large = This file is too large for me. Could you send a smaller one, or the part that matters?
content_filter = I can't answer this: the model's provider stopped it. Putting it differently may help.
empty_answer = I have no words for this one. Could you put it differently?
cut_by_length = ✂ This is as long as one answer can be. Shall I go on?
continue_button = Continue
regenerate_button = 🔄 Again
shorter_button = ➖ Shorter
longer_button = ➕ Longer
answer_again_button = 🔁 Answer again
file_below = 📎 The whole answer is in the file below.
file_caption = The whole answer
operator_problem = I can't reach my model right now. Your message is kept, and I'll answer as soon as I can.
resent_mark = ↻
command_new = Start a new conversation
command_stop = Stop the answer I'm writing
command_retry = Try again what I couldn't answer
command_forget = Erase what I remember of this chat
command_help = What I can do
command_start = Say hello
