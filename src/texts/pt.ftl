# Português do Brasil: você, próximo e breve.

greeting = Olá! Escreva sobre o que quiser: pergunte, pense em voz alta, mande uma foto. Várias mensagens seguidas recebem uma só resposta. /help mostra o que mais eu sei fazer.
help =
    É só escrever que eu respondo.
    /new começa de novo
    /stop para uma resposta
    /retry tenta outra vez
    /forget apaga esta conversa da minha memória
help_group =
    Mencione @{ $bot } ou responda a uma das minhas mensagens, e eu respondo.
    /new começa de novo, /stop para uma resposta, /forget apaga minha memória deste grupo.
help_privacy = Aqui o Telegram só me mostra o que é dirigido a mim, então não sei o que mais foi dito.
stranger = Este bot é particular, então não posso responder por aqui. Desculpe!
claimed = Boas-vindas! Agora este bot é seu. Escreva quando quiser; os outros recebem um não educado.
claim_invalid = Este link já foi usado ou não é válido. Se o bot é seu, o link atual está no log dele.
too_fast = É muita coisa de uma vez! Guardei tudo e vou responder um pouco mais devagar.
placeholder = …
unfinished = {" "}…
thinking = Pensando…
in_line = Muita gente está escrevendo para mim. Você é o número { $place } da fila, e não me esqueci de você.
thoughts = No que pensei
stop_button = Parar
stopped = ⏹ Interrompido
nothing_to_stop = Não há nada para parar agora.
not_yours = Só quem perguntou ou um administrador pode fazer isso.
button_expired = Este botão não funciona mais.
paused = Estou em pausa por um tempo. Sua mensagem está guardada, e respondo assim que voltar.
failed = Desculpe, desta vez não consegui responder. Sua mensagem está guardada; quer que eu tente de novo?
model_away = Desculpe, meu modelo não está respondendo agora. Sua mensagem está guardada; quer que eu tente de novo?
too_late = Desculpe o longo silêncio: não consegui responder a tempo. Sua mensagem está guardada; respondo agora?
too_long = Desculpe, é mais do que meu modelo consegue ler de uma vez. Pode mandar em partes menores?
damaged = Desculpe, sua mensagem foi danificada do meu lado. Envie outra vez, por favor.
retry_button = Tentar de novo
retrying = Tentando de novo…
nothing_to_retry = Não há nada para tentar de novo.
new_done = Vamos começar do zero! Deixei de lado nossa conversa anterior.
forget_question = Apago tudo o que lembro desta conversa? Não dá para desfazer. Suas mensagens no Telegram continuam.
forget_yes = Apagar
forget_no = Manter
forget_done = Pronto. Não lembro mais nada desta conversa.
forget_kept = Tudo bem, mantive tudo.
voice_unsupported = Não consigo ouvir gravações por aqui. Pode escrever para mim?
document_unsupported = Não consigo abrir esse tipo de arquivo. Pode colar a parte importante ou mandar uma foto dela?
other_unsupported = Ainda não consigo ler esse tipo de mensagem. Pode me contar em palavras?
photo_unavailable = Não consegui abrir a foto. Pode mandar de novo, talvez menor?
file_unavailable = Não consegui abrir. Pode mandar de novo?
file_too_large = Este arquivo é grande demais para mim. Pode mandar um menor ou só a parte importante?
content_filter = Não posso responder: o provedor do modelo bloqueou a resposta. Dizer de outro jeito pode ajudar.
empty_answer = Fiquei sem palavras para isso. Pode dizer de outro jeito?
cut_by_length = ✂ Uma resposta não pode ser mais longa que isso. Continuo?
continue_button = Continuar
file_below = 📎 A resposta completa está no arquivo abaixo.
file_caption = A resposta completa
regenerate_button = 🔄 De novo
shorter_button = ➖ Mais curta
longer_button = ➕ Mais longa
answer_again_button = 🔁 Responder de novo
operator_problem = Não estou conseguindo falar com meu modelo. Sua mensagem está guardada, e respondo assim que puder.
resent_mark = ↻
command_new = Começar uma nova conversa
command_stop = Parar a resposta em andamento
command_retry = Tentar de novo o que não respondi
command_forget = Apagar o que lembro desta conversa
command_help = O que eu sei fazer
command_start = Dar um oi
