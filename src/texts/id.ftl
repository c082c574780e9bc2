# Bahasa Indonesia: dengan "kamu", hangat dan singkat.

greeting = Halo! Tulis apa saja: bertanya, berpikir sambil bersuara, kirim foto. Beberapa pesan beruntun mendapat satu jawaban. Lihat /help untuk hal lain yang bisa kulakukan.
help =
    Tulis saja, aku akan menjawab.
    /new memulai dari awal
    /stop menghentikan jawaban
    /retry mencoba lagi
    /forget menghapus obrolan ini dari ingatanku
help_group =
    Sebut @{ $bot } atau balas salah satu pesanku, dan aku akan menjawab.
    /new memulai dari awal, /stop menghentikan jawaban, /forget menghapus ingatanku tentang grup ini.
help_privacy = Di sini Telegram hanya menunjukkan yang ditujukan kepadaku, jadi aku tidak tahu apa lagi yang dibicarakan.
stranger = Bot ini pribadi, jadi aku tidak bisa menjawabmu di sini. Maaf, ya!
claimed = Selamat datang! Bot ini sekarang milikmu. Tulis kapan saja; orang lain akan ditolak dengan sopan.
claim_invalid = Tautan ini sudah dipakai atau tidak berlaku. Kalau bot ini milikmu, tautan terbaru ada di lognya.
too_fast = Banyak sekali sekaligus! Semuanya kusimpan dan akan kujawab sedikit lebih pelan.
placeholder = …
unfinished = {" "}…
thinking = Sedang berpikir…
in_line = Sedang banyak yang menulis kepadaku. Kamu di urutan ke-{ $place }, dan aku tidak lupa padamu.
thoughts = Yang kupikirkan
stop_button = Hentikan
stopped = ⏹ Dihentikan
nothing_to_stop = Saat ini tidak ada yang perlu dihentikan.
not_yours = Hanya yang bertanya atau admin yang bisa melakukan ini.
button_expired = Tombol ini sudah tidak berfungsi.
paused = Aku sedang dijeda sebentar. Pesanmu tersimpan dan akan kujawab begitu aku kembali.
failed = Maaf, kali ini aku tidak bisa menjawab. Pesanmu tersimpan; mau kucoba lagi?
model_away = Maaf, modelku sedang tidak menjawab. Pesanmu tersimpan; mau kucoba lagi?
too_late = Maaf lama tak ada kabar: aku tidak sempat menjawab pada waktunya. Pesanmu tersimpan; kujawab sekarang?
too_long = Maaf, ini lebih banyak dari yang bisa dibaca modelku sekaligus. Bisa kirim dalam potongan yang lebih kecil?
damaged = Maaf, pesanmu rusak di sisiku. Tolong kirim sekali lagi.
retry_button = Coba lagi
retrying = Mencoba lagi…
nothing_to_retry = Tidak ada yang perlu dicoba lagi.
new_done = Mulai dari awal! Percakapan kita sebelumnya sudah kusisihkan.
forget_question = Hapus semua yang kuingat dari obrolan ini? Ini tidak bisa dibatalkan. Pesanmu di Telegram tetap ada.
forget_yes = Hapus
forget_no = Simpan
forget_done = Selesai. Aku tidak ingat apa pun dari obrolan ini.
forget_kept = Baik, semuanya tetap kusimpan.
voice_unsupported = Di sini aku tidak bisa mendengarkan rekaman. Bisa kamu tuliskan?
document_unsupported = Aku tidak bisa membuka berkas jenis ini. Bisa tempelkan bagian pentingnya atau kirim fotonya?
other_unsupported = Aku belum bisa membaca pesan seperti ini. Bisa ceritakan dengan kata-kata?
photo_unavailable = Fotonya tidak bisa kubuka. Bisa kirim lagi, mungkin yang lebih kecil?
file_unavailable = Yang ini tidak bisa kubuka. Bisa kirim lagi?
file_too_large = Berkas ini terlalu besar untukku. Bisa kirim yang lebih kecil, atau bagian pentingnya saja?
content_filter = Aku tidak bisa menjawab ini: penyedia model menghentikannya. Mungkin bisa kalau diutarakan dengan cara lain.
empty_answer = Aku kehabisan kata untuk yang ini. Bisa utarakan dengan cara lain?
cut_by_length = ✂ Satu jawaban tidak bisa lebih panjang dari ini. Lanjut?
continue_button = Lanjutkan
file_below = 📎 Jawaban lengkapnya ada di berkas di bawah.
file_caption = Jawaban lengkap
regenerate_button = 🔄 Ulangi
shorter_button = ➖ Lebih pendek
longer_button = ➕ Lebih panjang
answer_again_button = 🔁 Jawab lagi
operator_problem = Saat ini modelku tidak bisa dihubungi. Pesanmu tersimpan dan akan kujawab secepatnya.
resent_mark = ↻
command_new = Mulai percakapan baru
command_stop = Hentikan jawaban yang sedang kutulis
command_retry = Coba lagi yang belum terjawab
command_forget = Hapus ingatanku tentang obrolan ini
command_help = Yang bisa kulakukan
command_start = Menyapa
