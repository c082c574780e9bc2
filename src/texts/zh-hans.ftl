# 简体中文：用“你”，亲切简短。

greeting = 你好！什么都可以跟我聊：提问、随便想想、发张照片。连续发的几条消息会一起得到一个回答。发 /help 看看我还会什么。
help =
    直接写就好，我会回答。
    /new 重新开始
    /stop 停止回答
    /retry 再试一次
    /forget 把这个聊天从我的记忆里清除
help_group =
    提到 @{ $bot } 或回复我的消息，我就会回答。
    /new 重新开始，/stop 停止回答，/forget 清除我对本群的记忆。
help_privacy = 在这里 Telegram 只让我看到发给我的消息，所以大家还聊了什么我不知道。
stranger = 这是私人机器人，我不能在这里回答你。抱歉！
claimed = 欢迎！这个机器人现在归你了。想聊随时写给我；其他人会得到礼貌的拒绝。
claim_invalid = 这个链接已被使用或无效。如果机器人是你的，最新的链接在它的日志里。
too_fast = 一下子好多呀！我都记下了，会稍慢一点回答。
placeholder = …
unfinished = {" "}…
thinking = 正在思考…
in_line = 现在给我发消息的人很多。你排在第 { $place } 位，我没有忘记你。
thoughts = 我的思考
stop_button = 停止
stopped = ⏹ 已停止
nothing_to_stop = 现在没有什么可以停止的。
not_yours = 只有提问的人或管理员可以这样做。
button_expired = 这个按钮已经失效了。
paused = 我暂停服务一会儿。你的消息已保存，一恢复我就回答。
failed = 抱歉，这次没能回答。你的消息还在，要我再试一次吗？
model_away = 抱歉，模型现在没有回应。你的消息还在，要我再试一次吗？
too_late = 抱歉让你久等了：我没能及时回答。你的消息还在，要我现在回答吗？
too_long = 抱歉，这么多内容模型一次读不完。可以分成小段发给我吗？
damaged = 抱歉，你的消息在我这边损坏了。请再发一次。
retry_button = 重试
retrying = 正在重试…
nothing_to_retry = 没有什么需要重试的。
new_done = 重新开始！之前的对话我先放到一边了。
forget_question = 要清除我记得的这个聊天的全部内容吗？此操作无法撤销。你在 Telegram 里的消息会保留。
forget_yes = 清除
forget_no = 保留
forget_done = 好了。这个聊天的内容我都不记得了。
forget_kept = 好的，全都保留着。
voice_unsupported = 我在这里听不了录音。可以打字告诉我吗？
document_unsupported = 这种文件我打不开。可以把重要的部分贴给我，或拍张照片发来吗？
other_unsupported = 我还看不懂这种消息。可以用文字告诉我吗？
photo_unavailable = 照片打不开。可以再发一次吗？小一点可能更好。
file_unavailable = 这个我打不开。可以再发一次吗？
file_too_large = 这个文件对我来说太大了。可以发个小一点的，或只发重要的部分吗？
content_filter = 这个我没法回答：模型的提供方拦下了。换个说法也许可以。
empty_answer = 这个我一时无话可说。可以换个说法吗？
cut_by_length = ✂ 一次回答只能这么长。要我继续吗？
continue_button = 继续
file_below = 📎 完整的回答在下面的文件中。
file_caption = 完整的回答
regenerate_button = 🔄 重新生成
shorter_button = ➖ 更短
longer_button = ➕ 更长
answer_again_button = 🔁 重新回答
operator_problem = 我现在连不上模型。你的消息已保存，一恢复我就回答。
resent_mark = ↻
command_new = 开始新的对话
command_stop = 停止正在写的回答
command_retry = 重试没能回答的消息
command_forget = 清除我对这个聊天的记忆
command_help = 看看我会什么
command_start = 打个招呼
