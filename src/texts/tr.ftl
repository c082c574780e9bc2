# Türkçe: siz diye, sıcak ve kısa.

greeting = Merhaba! Bana istediğinizi yazın: sorun, sesli düşünün, fotoğraf gönderin. Art arda gelen mesajlara tek yanıt veririm. Başka neler yapabildiğim için: /help
help =
    Yazmanız yeterli, yanıtlarım.
    /new yeniden başlar
    /stop yanıtı durdurur
    /retry yeniden dener
    /forget bu sohbeti belleğimden siler
help_group =
    @{ $bot } yazarak beni anın ya da bir mesajımı yanıtlayın, cevap vereyim.
    /new yeniden başlar, /stop yanıtı durdurur, /forget bu grubu belleğimden siler.
help_privacy = Telegram bana burada yalnızca bana yazılanları gösteriyor, bu yüzden başka ne konuşulduğunu bilmiyorum.
stranger = Bu özel bir bot, bu yüzden size burada yanıt veremiyorum. Kusura bakmayın!
claimed = Hoş geldiniz! Bu bot artık sizin. Ne zaman isterseniz yazın; başkalarına kibarca hayır derim.
claim_invalid = Bu bağlantı kullanılmış ya da geçersiz. Bot sizinse güncel bağlantı günlük kayıtlarında.
too_fast = Bir anda ne çok şey! Hepsini sakladım, biraz daha yavaş yanıtlayacağım.
placeholder = …
unfinished = {" "}…
thinking = Düşünüyorum…
in_line = Şu anda bana çok kişi yazıyor. Sırada { $place }. kişisiniz, sizi unutmadım.
thoughts = Neler düşündüm
stop_button = Durdur
stopped = ⏹ Durduruldu
nothing_to_stop = Şu anda durdurulacak bir şey yok.
not_yours = Bunu yalnızca soruyu soran kişi ya da bir yönetici yapabilir.
button_expired = Bu düğme artık çalışmıyor.
paused = Bir süreliğine duraklatıldım. Mesajınız saklandı, döner dönmez yanıtlayacağım.
failed = Üzgünüm, bu kez yanıt veremedim. Mesajınız saklandı; yeniden deneyeyim mi?
model_away = Üzgünüm, modelim şu anda yanıt vermiyor. Mesajınız saklandı; yeniden deneyeyim mi?
too_late = Uzun sessizlik için üzgünüm: zamanında yanıt veremedim. Mesajınız saklandı; şimdi yanıtlayayım mı?
too_long = Üzgünüm, bu modelimin bir kerede okuyabileceğinden fazla. Daha küçük parçalar hâlinde gönderir misiniz?
damaged = Üzgünüm, mesajınız bende bozuldu. Lütfen bir kez daha gönderin.
retry_button = Yeniden dene
retrying = Yeniden deniyorum…
nothing_to_retry = Yeniden denenecek bir şey yok.
new_done = Tertemiz bir başlangıç! Önceki konuşmamızı kenara koydum.
forget_question = Bu sohbetten hatırladığım her şeyi sileyim mi? Bu geri alınamaz. Telegram'daki mesajlarınız kalır.
forget_yes = Sil
forget_no = Sakla
forget_done = Tamam. Bu sohbetten artık hiçbir şey hatırlamıyorum.
forget_kept = Peki, her şeyi sakladım.
voice_unsupported = Burada ses kayıtlarını dinleyemiyorum. Bana yazar mısınız?
document_unsupported = Bu tür dosyaları açamıyorum. Önemli kısmı yapıştırır ya da fotoğrafını gönderir misiniz?
other_unsupported = Bu tür mesajları henüz okuyamıyorum. Bana sözle anlatır mısınız?
photo_unavailable = Fotoğrafı açamadım. Yeniden, belki daha küçük olarak gönderir misiniz?
file_unavailable = Bunu açamadım. Yeniden gönderir misiniz?
file_too_large = Bu dosya benim için çok büyük. Daha küçüğünü ya da yalnızca önemli kısmı gönderir misiniz?
content_filter = Buna yanıt veremiyorum: Modelin sağlayıcısı engelledi. Başka türlü söylemek işe yarayabilir.
empty_answer = Buna söyleyecek söz bulamadım. Başka türlü söyler misiniz?
cut_by_length = ✂ Tek bir yanıt bundan uzun olamıyor. Devam edeyim mi?
continue_button = Devam et
file_below = 📎 Yanıtın tamamı aşağıdaki dosyada.
file_caption = Yanıtın tamamı
regenerate_button = 🔄 Yeniden
shorter_button = ➖ Daha kısa
longer_button = ➕ Daha uzun
answer_again_button = 🔁 Yeniden yanıtla
operator_problem = Şu anda modelime ulaşamıyorum. Mesajınız saklandı, olabildiğince çabuk yanıtlayacağım.
resent_mark = ↻
command_new = Yeni bir sohbet başlat
command_stop = Yazdığım yanıtı durdur
command_retry = Yanıtlayamadığımı yeniden dene
command_forget = Bu sohbetten hatırladıklarımı sil
command_help = Neler yapabilirim
command_start = Merhaba de
