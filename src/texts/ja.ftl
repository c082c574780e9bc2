# 日本語：です・ます調で、親しみやすく短く。

greeting = こんにちは！何でも気軽に書いてください。質問でも、考えごとでも、写真でも。続けて送ったメッセージにはまとめてお答えします。ほかにできることは /help でどうぞ。
help =
    書いていただければお答えします。
    /new 最初からやり直す
    /stop 回答を止める
    /retry もう一度試す
    /forget このチャットの記憶を消す
help_group =
    @{ $bot } とメンションするか、私のメッセージに返信していただければお答えします。
    /new 最初からやり直す、/stop 回答を止める、/forget このグループの記憶を消す。
help_privacy = ここでは Telegram が私宛てのものしか見せてくれないため、ほかの会話は分かりません。
stranger = このボットは個人用のため、ここではお答えできません。すみません！
claimed = ようこそ！このボットはあなたのものになりました。いつでも書いてください。ほかの方には丁寧にお断りします。
claim_invalid = このリンクは使用済みか無効です。あなたのボットでしたら、最新のリンクはログにあります。
too_fast = 一度にたくさんですね！すべてお預かりしました。少しゆっくりお答えします。
placeholder = …
unfinished = {" "}…
thinking = 考えています…
in_line = いま多くの方から届いています。順番は { $place } 番目です。忘れていませんよ。
thoughts = 考えたこと
stop_button = 停止
stopped = ⏹ 停止しました
nothing_to_stop = いま止めるものはありません。
not_yours = これができるのは、質問した方か管理者だけです。
button_expired = このボタンはもう使えません。
paused = ただいま一時停止中です。メッセージは保存してあり、再開しだいお答えします。
failed = すみません、今回はお答えできませんでした。メッセージは保存してあります。もう一度試しますか？
model_away = すみません、いまモデルから応答がありません。メッセージは保存してあります。もう一度試しますか？
too_late = 長らくお待たせしてすみません。時間内にお答えできませんでした。メッセージは保存してあります。いまお答えしますか？
too_long = すみません、モデルが一度に読める量を超えています。小さく分けて送っていただけますか？
damaged = すみません、メッセージがこちらで壊れてしまいました。もう一度送ってください。
retry_button = もう一度試す
retrying = もう一度試しています…
nothing_to_retry = やり直すものはありません。
new_done = 気分も新たに始めましょう！これまでの会話は脇に置きました。
forget_question = このチャットで覚えていることをすべて消しますか？元には戻せません。Telegram のメッセージは残ります。
forget_yes = 消す
forget_no = 残す
forget_done = 完了しました。このチャットのことはもう何も覚えていません。
forget_kept = わかりました。すべて残してあります。
voice_unsupported = ここでは録音を聞けません。文字で書いていただけますか？
document_unsupported = この種類のファイルは開けません。大事な部分を貼り付けるか、写真で送っていただけますか？
other_unsupported = この種類のメッセージはまだ読めません。言葉で教えていただけますか？
photo_unavailable = 写真を開けませんでした。もう一度、少し小さくして送っていただけますか？
file_unavailable = これは開けませんでした。もう一度送っていただけますか？
file_too_large = このファイルは大きすぎます。もっと小さいものか、大事な部分だけ送っていただけますか？
content_filter = これにはお答えできません。モデルの提供元に止められました。言い方を変えるとうまくいくかもしれません。
empty_answer = うまく言葉が見つかりませんでした。別の言い方で聞いていただけますか？
cut_by_length = ✂ 一度にお答えできるのはここまでです。続けますか？
continue_button = 続ける
file_below = 📎 回答の全文は下のファイルにあります。
file_caption = 回答の全文
regenerate_button = 🔄 もう一度
shorter_button = ➖ 短く
longer_button = ➕ 長く
answer_again_button = 🔁 もう一度答える
operator_problem = いまモデルにつながりません。メッセージは保存してあります。できるだけ早くお答えします。
resent_mark = ↻
command_new = 新しい会話を始める
command_stop = 書いている回答を止める
command_retry = 答えられなかったものをもう一度試す
command_forget = このチャットの記憶を消す
command_help = できること
command_start = あいさつする
