# Italiano: con il tu, cordiale e breve.

greeting = Ciao! Scrivimi di qualunque cosa: chiedi, pensa ad alta voce, manda una foto. Più messaggi di fila ricevono una sola risposta. Con /help vedi cos'altro so fare.
help =
    Scrivi pure, ti rispondo.
    /new ricomincia da capo
    /stop ferma una risposta
    /retry riprova
    /forget cancella questa chat dalla mia memoria
help_group =
    Menziona @{ $bot } o rispondi a un mio messaggio e ti risponderò.
    /new ricomincia da capo, /stop ferma una risposta, /forget cancella la mia memoria di questo gruppo.
help_privacy = Qui Telegram mi mostra solo ciò che è rivolto a me, perciò non so che altro si è detto.
stranger = Questo bot è privato, quindi qui non posso risponderti. Mi dispiace!
claimed = Ti do il benvenuto! Ora questo bot è tuo. Scrivimi quando vuoi; gli altri riceveranno un no gentile.
claim_invalid = Questo link è già stato usato o non è valido. Se il bot è tuo, quello attuale è nel suo registro.
too_fast = Quante cose insieme! Ho conservato tutto e risponderò un po' più lentamente.
placeholder = …
unfinished = {" "}…
thinking = Sto pensando…
in_line = Mi stanno scrivendo in molti. Sei il numero { $place } in fila, e non mi sono dimenticato di te.
thoughts = A cosa ho pensato
stop_button = Ferma
stopped = ⏹ Interrotto
nothing_to_stop = Adesso non c'è niente da fermare.
not_yours = Può farlo solo chi ha fatto la domanda o un amministratore.
button_expired = Questo pulsante non fa più nulla.
paused = Sono in pausa per un po'. Il tuo messaggio è al sicuro e risponderò appena torno.
failed = Mi dispiace, stavolta non sono riuscito a rispondere. Il tuo messaggio è al sicuro; riprovo?
model_away = Mi dispiace, il mio modello in questo momento non risponde. Il tuo messaggio è al sicuro; riprovo?
too_late = Scusa il lungo silenzio: non sono riuscito a rispondere in tempo. Il tuo messaggio è al sicuro; rispondo adesso?
too_long = Mi dispiace, è più di quanto il mio modello possa leggere in una volta. Me lo mandi in parti più piccole?
damaged = Mi dispiace, il tuo messaggio si è danneggiato da parte mia. Mandalo di nuovo, per favore.
retry_button = Riprova
retrying = Sto riprovando…
nothing_to_retry = Non c'è niente da riprovare.
new_done = Si ricomincia! Ho messo da parte la nostra conversazione precedente.
forget_question = Cancello tutto quello che ricordo di questa chat? Non si può annullare. I tuoi messaggi in Telegram restano.
forget_yes = Cancella
forget_no = Conserva
forget_done = Fatto. Non ricordo più nulla di questa chat.
forget_kept = Va bene, ho conservato tutto.
voice_unsupported = Qui non posso ascoltare registrazioni. Me lo scrivi?
document_unsupported = Non so aprire questo tipo di file. Mi incolli la parte importante o me ne mandi una foto?
other_unsupported = Non so ancora leggere questo tipo di messaggio. Me lo dici a parole?
photo_unavailable = Non sono riuscito ad aprire la foto. Me la rimandi, magari più piccola?
file_unavailable = Non sono riuscito ad aprirlo. Me lo rimandi?
file_too_large = Questo file è troppo grande per me. Me ne mandi uno più piccolo o solo la parte importante?
content_filter = Non posso rispondere: il fornitore del modello ha bloccato la risposta. Dirlo in altro modo può aiutare.
empty_answer = Per questo non trovo le parole. Me lo dici in un altro modo?
cut_by_length = ✂ Una risposta non può essere più lunga di così. Vado avanti?
continue_button = Continua
file_below = 📎 La risposta completa è nel file qui sotto.
file_caption = La risposta completa
regenerate_button = 🔄 Di nuovo
shorter_button = ➖ Più corta
longer_button = ➕ Più lunga
answer_again_button = 🔁 Rispondi ancora
operator_problem = In questo momento non riesco a raggiungere il mio modello. Il tuo messaggio è al sicuro e risponderò appena posso.
resent_mark = ↻
command_new = Iniziare una nuova conversazione
command_stop = Fermare la risposta in corso
command_retry = Riprovare a rispondere
command_forget = Cancellare ciò che ricordo di questa chat
command_help = Cosa so fare
command_start = Salutare
