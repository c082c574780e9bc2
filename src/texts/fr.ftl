# Français : vouvoiement, chaleureux et bref.

greeting = Bonjour ! Écrivez-moi à propos de tout : posez une question, pensez tout haut, envoyez une photo. Plusieurs messages à la suite reçoivent une seule réponse. /help montre ce que je sais faire.
help =
    Écrivez simplement, je réponds.
    /new repart de zéro
    /stop arrête une réponse
    /retry essaie encore
    /forget efface cette discussion de ma mémoire
help_group =
    Mentionnez @{ $bot } ou répondez à l'un de mes messages, et je répondrai.
    /new repart de zéro, /stop arrête une réponse, /forget efface ma mémoire de ce groupe.
help_privacy = Ici, Telegram ne me montre que ce qui m'est adressé ; j'ignore donc le reste de la discussion.
stranger = Ce bot est privé, je ne peux donc pas vous répondre ici. Désolé !
claimed = Bienvenue ! Ce bot est désormais à vous. Écrivez-moi quand vous voulez ; les autres recevront un refus poli.
claim_invalid = Ce lien a déjà servi ou n'est pas valable. Si le bot est à vous, le lien actuel se trouve dans son journal.
too_fast = Ça fait beaucoup d'un coup ! J'ai tout gardé et je répondrai un peu plus lentement.
placeholder = …
unfinished = {" "}…
thinking = Je réfléchis…
in_line = Beaucoup de monde m'écrit. Vous êtes numéro { $place } dans la file, et je ne vous oublie pas.
thoughts = À quoi j'ai réfléchi
stop_button = Arrêter
stopped = ⏹ Arrêté
nothing_to_stop = Il n'y a rien à arrêter pour le moment.
not_yours = Seul l'auteur de la question ou un administrateur peut le faire.
button_expired = Ce bouton n'a plus d'effet.
paused = Je suis en pause pour un moment. Votre message est conservé et je répondrai dès mon retour.
failed = Désolé, je n'ai pas pu répondre cette fois. Votre message est conservé ; voulez-vous que je réessaie ?
model_away = Désolé, mon modèle ne répond pas en ce moment. Votre message est conservé ; voulez-vous que je réessaie ?
too_late = Désolé pour ce long silence : je n'ai pas pu répondre à temps. Votre message est conservé ; dois-je répondre maintenant ?
too_long = Désolé, c'est plus que mon modèle ne peut lire d'un coup. Pourriez-vous l'envoyer en plus petits morceaux ?
damaged = Désolé, votre message a été abîmé de mon côté. Pourriez-vous l'envoyer à nouveau ?
retry_button = Réessayer
retrying = Je réessaie…
nothing_to_retry = Il n'y a rien à réessayer.
new_done = On repart de zéro ! J'ai mis de côté notre conversation précédente.
forget_question = Faut-il effacer tout ce dont je me souviens de cette discussion ? C'est définitif. Vos messages dans Telegram restent.
forget_yes = Effacer
forget_no = Garder
forget_done = C'est fait. Je ne me souviens plus de rien de cette discussion.
forget_kept = D'accord, j'ai tout gardé.
voice_unsupported = Je ne peux pas écouter d'enregistrements ici. Pourriez-vous me l'écrire ?
document_unsupported = Je ne sais pas ouvrir ce type de fichier. Pourriez-vous coller le passage important ou en envoyer une photo ?
other_unsupported = Je ne sais pas encore lire ce genre de message. Pourriez-vous me le dire avec des mots ?
photo_unavailable = Je n'ai pas pu ouvrir la photo. Pourriez-vous la renvoyer, peut-être plus petite ?
file_unavailable = Je n'ai pas pu l'ouvrir. Pourriez-vous l'envoyer à nouveau ?
file_too_large = Ce fichier est trop gros pour moi. Pourriez-vous en envoyer un plus petit, ou le passage important ?
content_filter = Je ne peux pas répondre : le fournisseur du modèle a bloqué la réponse. Le dire autrement peut aider.
empty_answer = Les mots me manquent. Pourriez-vous le dire autrement ?
cut_by_length = ✂ Une réponse ne peut pas être plus longue. Je continue ?
continue_button = Continuer
file_below = 📎 La réponse complète est dans le fichier ci-dessous.
file_caption = La réponse complète
regenerate_button = 🔄 Encore
shorter_button = ➖ Plus court
longer_button = ➕ Plus long
answer_again_button = 🔁 Nouvelle réponse
operator_problem = Je n'arrive pas à joindre mon modèle. Votre message est conservé et je répondrai dès que possible.
resent_mark = ↻
command_new = Commencer une nouvelle conversation
command_stop = Arrêter la réponse en cours
command_retry = Réessayer ce qui a échoué
command_forget = Effacer ma mémoire de cette discussion
command_help = Ce que je sais faire
command_start = Dire bonjour
