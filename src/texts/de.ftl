# Deutsch: per Du, warm und kurz.

greeting = Hallo! Schreib mir, was du willst: frag, denk laut, schick ein Foto. Mehrere Nachrichten hintereinander bekommen eine Antwort. /help zeigt, was ich noch kann.
help =
    Schreib einfach, ich antworte.
    /new fängt neu an
    /stop beendet eine Antwort
    /retry versucht es noch einmal
    /forget löscht diesen Chat aus meinem Gedächtnis
help_group =
    Erwähne @{ $bot } oder antworte auf eine meiner Nachrichten, dann melde ich mich.
    /new fängt neu an, /stop beendet eine Antwort, /forget löscht mein Gedächtnis dieser Gruppe.
help_privacy = Telegram zeigt mir hier nur, was an mich gerichtet ist; was sonst gesagt wurde, weiß ich nicht.
stranger = Dieser Bot ist privat, deshalb kann ich dir hier nicht antworten. Tut mir leid!
claimed = Willkommen! Dieser Bot gehört jetzt dir. Schreib mir, wann du magst; alle anderen bekommen ein höfliches Nein.
claim_invalid = Dieser Link ist verbraucht oder ungültig. Wenn der Bot dir gehört, steht der aktuelle in seinem Protokoll.
too_fast = Das ist viel auf einmal! Ich habe alles behalten und antworte etwas langsamer.
placeholder = …
unfinished = {" "}…
thinking = Ich denke nach…
in_line = Gerade schreiben mir viele. Du bist Nummer { $place } in der Reihe, und ich habe dich nicht vergessen.
thoughts = Worüber ich nachgedacht habe
stop_button = Stopp
stopped = ⏹ Angehalten
nothing_to_stop = Gerade gibt es nichts anzuhalten.
not_yours = Das kann nur, wer gefragt hat, oder ein Admin.
button_expired = Dieser Knopf hat keine Wirkung mehr.
paused = Ich mache gerade eine Pause. Deine Nachricht ist aufgehoben, und ich antworte, sobald es weitergeht.
failed = Tut mir leid, diesmal konnte ich nicht antworten. Deine Nachricht ist aufgehoben; soll ich es noch einmal versuchen?
model_away = Tut mir leid, mein Modell antwortet gerade nicht. Deine Nachricht ist aufgehoben; soll ich es noch einmal versuchen?
too_late = Entschuldige die lange Stille: Ich konnte nicht rechtzeitig antworten. Deine Nachricht ist aufgehoben; soll ich jetzt antworten?
too_long = Tut mir leid, das ist mehr, als mein Modell auf einmal lesen kann. Schickst du es mir in kleineren Stücken?
damaged = Tut mir leid, deine Nachricht ist bei mir beschädigt worden. Schick sie bitte noch einmal.
retry_button = Noch einmal
retrying = Ich versuche es noch einmal…
nothing_to_retry = Es gibt nichts zu wiederholen.
new_done = Alles auf Anfang! Unser bisheriges Gespräch habe ich beiseitegelegt.
forget_question = Soll ich alles löschen, was ich von diesem Chat weiß? Das lässt sich nicht rückgängig machen. Deine Nachrichten in Telegram bleiben.
forget_yes = Löschen
forget_no = Behalten
forget_done = Erledigt. Ich weiß nichts mehr von diesem Chat.
forget_kept = In Ordnung, ich habe alles behalten.
voice_unsupported = Aufnahmen kann ich hier nicht anhören. Schreibst du es mir?
document_unsupported = Solche Dateien kann ich nicht öffnen. Fügst du das Wichtige als Text ein oder schickst mir ein Foto davon?
other_unsupported = Solche Nachrichten kann ich noch nicht lesen. Sagst du es mir in Worten?
photo_unavailable = Ich konnte das Foto nicht öffnen. Schickst du es noch einmal, vielleicht kleiner?
file_unavailable = Das konnte ich nicht öffnen. Schickst du es noch einmal?
file_too_large = Diese Datei ist zu groß für mich. Schickst du eine kleinere oder nur das Wichtige?
content_filter = Darauf kann ich nicht antworten: Der Anbieter des Modells hat es unterbunden. Anders gesagt klappt es vielleicht.
empty_answer = Dazu fehlen mir die Worte. Sagst du es noch einmal anders?
cut_by_length = ✂ Länger kann eine Antwort nicht sein. Soll ich weitermachen?
continue_button = Weiter
file_below = 📎 Die ganze Antwort steht in der Datei darunter.
file_caption = Die ganze Antwort
regenerate_button = 🔄 Nochmal
shorter_button = ➖ Kürzer
longer_button = ➕ Länger
answer_again_button = 🔁 Neu antworten
operator_problem = Ich erreiche mein Modell gerade nicht. Deine Nachricht ist aufgehoben, und ich antworte, sobald ich kann.
resent_mark = ↻
command_new = Ein neues Gespräch beginnen
command_stop = Die laufende Antwort anhalten
command_retry = Noch einmal zu antworten versuchen
command_forget = Löschen, was ich von diesem Chat weiß
command_help = Was ich kann
command_start = Hallo sagen
