# Español: de tú, cercano y breve, sin regionalismos.

greeting = ¡Hola! Escríbeme sobre lo que quieras: pregunta, piensa en voz alta, manda una foto. Varios mensajes seguidos reciben una sola respuesta. Con /help verás qué más sé hacer.
help =
    Escribe sin más y te respondo.
    /new empieza de nuevo
    /stop detiene una respuesta
    /retry lo intenta otra vez
    /forget borra este chat de mi memoria
help_group =
    Menciona a @{ $bot } o responde a uno de mis mensajes y te contesto.
    /new empieza de nuevo, /stop detiene una respuesta, /forget borra mi memoria de este grupo.
help_privacy = Aquí Telegram solo me muestra lo que va dirigido a mí, así que no sé qué más se ha dicho.
stranger = Este bot es privado, así que aquí no puedo responderte. ¡Lo siento!
claimed = ¡Te doy la bienvenida! Este bot ya es tuyo. Escríbeme cuando quieras; los demás recibirán un no con amabilidad.
claim_invalid = Este enlace ya se ha usado o no es válido. Si el bot es tuyo, el enlace actual está en su registro.
too_fast = ¡Cuántas cosas a la vez! Lo he guardado todo y responderé un poco más despacio.
placeholder = …
unfinished = {" "}…
thinking = Pensando…
in_line = Me está escribiendo mucha gente. Ocupas el puesto { $place } en la cola, y no te he olvidado.
thoughts = En qué he pensado
stop_button = Detener
stopped = ⏹ Detenido
nothing_to_stop = Ahora mismo no hay nada que detener.
not_yours = Solo puede hacerlo quien preguntó o un administrador.
button_expired = Este botón ya no hace nada.
paused = Estoy en pausa por un rato. Tu mensaje está guardado y responderé en cuanto vuelva.
failed = Lo siento, esta vez no he podido responder. Tu mensaje está guardado; ¿lo intento de nuevo?
model_away = Lo siento, mi modelo no responde ahora mismo. Tu mensaje está guardado; ¿lo intento de nuevo?
too_late = Perdona el largo silencio: no pude responder a tiempo. Tu mensaje está guardado; ¿respondo ahora?
too_long = Lo siento, es más de lo que mi modelo puede leer de una vez. ¿Me lo mandas en partes más pequeñas?
damaged = Lo siento, tu mensaje se ha dañado por mi parte. Envíalo otra vez, por favor.
retry_button = Reintentar
retrying = Lo intento de nuevo…
nothing_to_retry = No hay nada que reintentar.
new_done = ¡Empezamos de cero! He dejado a un lado nuestra conversación anterior.
forget_question = ¿Borro todo lo que recuerdo de este chat? No se puede deshacer. Tus mensajes en Telegram se quedan.
forget_yes = Borrar
forget_no = Conservar
forget_done = Hecho. Ya no recuerdo nada de este chat.
forget_kept = De acuerdo, lo he conservado todo.
voice_unsupported = Aquí no puedo escuchar grabaciones. ¿Me lo escribes?
document_unsupported = No sé abrir este tipo de archivo. ¿Me pegas la parte importante o me mandas una foto?
other_unsupported = Todavía no puedo leer este tipo de mensaje. ¿Me lo cuentas con palabras?
photo_unavailable = No he podido abrir la foto. ¿Me la mandas otra vez, quizá más pequeña?
file_unavailable = No he podido abrirlo. ¿Me lo mandas otra vez?
file_too_large = Este archivo es demasiado grande para mí. ¿Me mandas uno más pequeño o la parte importante?
content_filter = No puedo responder a esto: lo ha frenado el proveedor del modelo. Quizá ayude decirlo de otra manera.
empty_answer = Para esto no me salen las palabras. ¿Me lo dices de otra manera?
cut_by_length = ✂ Una sola respuesta no da para más. ¿Sigo?
continue_button = Continuar
file_below = 📎 La respuesta completa está en el archivo de abajo.
file_caption = La respuesta completa
regenerate_button = 🔄 Otra vez
shorter_button = ➖ Más corta
longer_button = ➕ Más larga
answer_again_button = 🔁 Otra respuesta
operator_problem = Ahora mismo no logro contactar con mi modelo. Tu mensaje está guardado y responderé en cuanto pueda.
resent_mark = ↻
command_new = Empezar una conversación nueva
command_stop = Detener la respuesta en curso
command_retry = Reintentar lo que no pude responder
command_forget = Borrar lo que recuerdo de este chat
command_help = Qué sé hacer
command_start = Saludar
