# 繁體中文：用「你」，親切簡短，採臺灣用語。

greeting = 你好！什麼都可以跟我聊：提問、隨便想想、傳張照片。連續傳的幾則訊息會一起得到一個回答。傳 /help 看看我還會什麼。
help =
    直接寫就好，我會回答。
    /new 重新開始
    /stop 停止回答
    /retry 再試一次
    /forget 把這個聊天從我的記憶中清除
help_group =
    提到 @{ $bot } 或回覆我的訊息，我就會回答。
    /new 重新開始，/stop 停止回答，/forget 清除我對本群的記憶。
help_privacy = 在這裡 Telegram 只讓我看到傳給我的訊息，所以大家還聊了什麼我不知道。
stranger = 這是私人機器人，我不能在這裡回答你。抱歉！
claimed = 歡迎！這個機器人現在歸你了。想聊隨時寫給我；其他人會得到禮貌的婉拒。
claim_invalid = 這個連結已被使用或無效。如果機器人是你的，最新的連結在它的日誌裡。
too_fast = 一下子好多呀！我都記下了，會稍慢一點回答。
placeholder = …
unfinished = {" "}…
thinking = 正在思考…
in_line = 現在傳訊息給我的人很多。你排在第 { $place } 位，我沒有忘記你。
thoughts = 我的思考
stop_button = 停止
stopped = ⏹ 已停止
nothing_to_stop = 現在沒有什麼可以停止的。
not_yours = 只有提問的人或管理員可以這麼做。
button_expired = 這個按鈕已經失效了。
paused = 我暫停服務一會兒。你的訊息已保存，一恢復我就回答。
failed = 抱歉，這次沒能回答。你的訊息還在，要我再試一次嗎？
model_away = 抱歉，模型現在沒有回應。你的訊息還在，要我再試一次嗎？
too_late = 抱歉讓你久等了：我沒能及時回答。你的訊息還在，要我現在回答嗎？
too_long = 抱歉，這麼多內容模型一次讀不完。可以分成小段傳給我嗎？
damaged = 抱歉，你的訊息在我這邊損壞了。請再傳一次。
retry_button = 重試
retrying = 正在重試…
nothing_to_retry = 沒有什麼需要重試的。
new_done = 重新開始！之前的對話我先放到一邊了。
forget_question = 要清除我記得的這個聊天的全部內容嗎？此操作無法復原。你在 Telegram 裡的訊息會保留。
forget_yes = 清除
forget_no = 保留
forget_done = 好了。這個聊天的內容我都不記得了。
forget_kept = 好的，全都保留著。
voice_unsupported = 我在這裡聽不了錄音。可以打字告訴我嗎？
document_unsupported = 這種檔案我打不開。可以把重要的部分貼給我，或拍張照片傳來嗎？
other_unsupported = 我還看不懂這種訊息。可以用文字告訴我嗎？
photo_unavailable = 照片打不開。可以再傳一次嗎？小一點可能更好。
file_unavailable = 這個我打不開。可以再傳一次嗎？
file_too_large = 這個檔案對我來說太大了。可以傳個小一點的，或只傳重要的部分嗎？
content_filter = 這個我沒辦法回答：模型的供應商擋下了。換個說法也許可以。
empty_answer = 這個我一時無話可說。可以換個說法嗎？
cut_by_length = ✂ 一次回答只能這麼長。要我繼續嗎？
continue_button = 繼續
file_below = 📎 完整的回答在下面的檔案中。
file_caption = 完整的回答
regenerate_button = 🔄 重新產生
shorter_button = ➖ 更短
longer_button = ➕ 更長
answer_again_button = 🔁 重新回答
operator_problem = 我現在連不上模型。你的訊息已保存，一恢復我就回答。
resent_mark = ↻
command_new = 開始新的對話
command_stop = 停止正在寫的回答
command_retry = 重試沒能回答的訊息
command_forget = 清除我對這個聊天的記憶
command_help = 看看我會什麼
command_start = 打個招呼
