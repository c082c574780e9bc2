# 한국어: 해요체로, 따뜻하고 짧게.

greeting = 안녕하세요! 무엇이든 편하게 써 주세요. 질문도, 혼잣말도, 사진도 좋아요. 연달아 보낸 메시지에는 한 번에 답해요. 또 무엇을 할 수 있는지는 /help 에 있어요.
help =
    그냥 쓰시면 답해 드려요.
    /new 새로 시작하기
    /stop 답변 멈추기
    /retry 다시 시도하기
    /forget 이 채팅을 제 기억에서 지우기
help_group =
    @{ $bot } 을(를) 언급하거나 제 메시지에 답장하시면 답해 드려요.
    /new 새로 시작하기, /stop 답변 멈추기, /forget 이 그룹에 대한 기억 지우기
help_privacy = 여기서는 Telegram이 저에게 보낸 것만 보여 줘서 다른 대화는 알 수 없어요.
stranger = 이 봇은 개인용이라 여기서는 답해 드릴 수 없어요. 죄송해요!
claimed = 환영해요! 이제 이 봇은 당신의 것이에요. 언제든 써 주세요. 다른 분들께는 정중히 거절할게요.
claim_invalid = 이미 사용했거나 유효하지 않은 링크예요. 봇 주인이시라면 현재 링크가 로그에 있어요.
too_fast = 한꺼번에 정말 많네요! 모두 보관했으니 조금 천천히 답할게요.
placeholder = …
unfinished = {" "}…
thinking = 생각하는 중…
in_line = 지금 많은 분이 메시지를 보내고 있어요. 대기 순서는 { $place }번이고, 잊지 않았어요.
thoughts = 생각한 내용
stop_button = 멈추기
stopped = ⏹ 멈췄어요
nothing_to_stop = 지금은 멈출 것이 없어요.
not_yours = 질문한 사람이나 관리자만 할 수 있어요.
button_expired = 이 버튼은 더 이상 작동하지 않아요.
paused = 지금은 잠시 멈춰 있어요. 메시지는 보관해 두었고, 다시 시작하는 대로 답할게요.
failed = 죄송해요, 이번에는 답하지 못했어요. 메시지는 보관되어 있어요. 다시 시도할까요?
model_away = 죄송해요, 지금 모델이 응답하지 않아요. 메시지는 보관되어 있어요. 다시 시도할까요?
too_late = 오래 답이 없어서 죄송해요. 제때 답하지 못했어요. 메시지는 보관되어 있어요. 지금 답할까요?
too_long = 죄송해요, 모델이 한 번에 읽을 수 있는 양을 넘었어요. 더 작게 나누어 보내 주시겠어요?
damaged = 죄송해요, 메시지가 제 쪽에서 손상됐어요. 한 번 더 보내 주세요.
retry_button = 다시 시도
retrying = 다시 시도하는 중…
nothing_to_retry = 다시 시도할 것이 없어요.
new_done = 새롭게 시작해요! 이전 대화는 한쪽에 치워 두었어요.
forget_question = 이 채팅에서 제가 기억하는 것을 모두 지울까요? 되돌릴 수 없어요. Telegram 메시지는 그대로 남아요.
forget_yes = 지우기
forget_no = 남겨 두기
forget_done = 다 됐어요. 이 채팅에 대해 아무것도 기억하지 않아요.
forget_kept = 알겠어요, 모두 그대로 두었어요.
voice_unsupported = 여기서는 녹음을 들을 수 없어요. 글로 써 주시겠어요?
document_unsupported = 이런 종류의 파일은 열 수 없어요. 중요한 부분을 붙여 넣거나 사진으로 보내 주시겠어요?
other_unsupported = 이런 종류의 메시지는 아직 읽을 수 없어요. 글로 알려 주시겠어요?
photo_unavailable = 사진을 열지 못했어요. 조금 작게 해서 다시 보내 주시겠어요?
file_unavailable = 이건 열지 못했어요. 다시 보내 주시겠어요?
file_too_large = 이 파일은 저에게 너무 커요. 더 작은 파일이나 중요한 부분만 보내 주시겠어요?
content_filter = 여기에는 답할 수 없어요. 모델 제공업체가 막았어요. 다르게 말씀해 보시면 될 수도 있어요.
empty_answer = 뭐라 답해야 할지 모르겠어요. 다르게 말씀해 주시겠어요?
cut_by_length = ✂ 한 번에 답할 수 있는 길이는 여기까지예요. 계속할까요?
continue_button = 계속
file_below = 📎 전체 답변은 아래 파일에 있어요.
file_caption = 전체 답변
regenerate_button = 🔄 다시
shorter_button = ➖ 더 짧게
longer_button = ➕ 더 길게
answer_again_button = 🔁 다시 답하기
operator_problem = 지금 모델에 연결할 수 없어요. 메시지는 보관되어 있고, 되는대로 답할게요.
resent_mark = ↻
command_new = 새 대화 시작하기
command_stop = 쓰고 있는 답변 멈추기
command_retry = 답하지 못한 것 다시 시도하기
command_forget = 이 채팅에 대한 기억 지우기
command_help = 할 수 있는 일
command_start = 인사하기
