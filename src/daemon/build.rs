//! Building: everything is made and introduced to its neighbours here.
//!
//! Nothing runs yet when it returns; nothing here waits.

use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use super::{Daemon, Intake, Live, Seams, instance_id, intake, voice};
use crate::domain::part::OnUncertain;
use crate::grouper::Grouper;
use crate::media::Photos;
use crate::ops::health::Role;
use crate::pulse::Pulse;
use crate::reply::keyboard::Keyboards;
use crate::reply::limits::Limits;
use crate::reply::plan::Server;
use crate::reply::preview::Previews;
use crate::reply::sender::{self, Sender};
use crate::reply::typing::Typing;
use crate::shutdown::Tasks;
use crate::texts::Texts;
use crate::turn::{self, Runner};

impl Daemon {
    /// Builds everything; starts nothing.
    pub(super) fn build(seams: Seams) -> Self {
        let Seams {
            config,
            bot,
            store,
            close,
            telegram,
            llm,
            clock,
            shutdown,
            systemd,
            metrics,
            seed,
            reload,
            begun,
            lines,
        } = seams;
        let instance = instance_id(seed);
        let tasks = Tasks::new(&shutdown);
        let pulse = Pulse::default();
        let live = Arc::new(Live::new(&config, llm, seed));
        let limits = Arc::new(Limits::default());
        let server = Arc::new(Server::default());
        let texts = Texts::english();
        let grouper_of_settled: Arc<OnceLock<Grouper>> = Arc::default();
        let settled = Arc::clone(&grouper_of_settled);
        let keyboards = Keyboards {
            store: Arc::clone(&store),
            telegram: Arc::clone(&telegram),
            limits: Arc::clone(&limits),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
            busy: Arc::default(),
        };
        let sender = Sender::new(sender::Parts {
            instance,
            store: Arc::clone(&store),
            telegram: Arc::clone(&telegram),
            limits: Arc::clone(&limits),
            keyboards,
            server: Arc::clone(&server),
            probe_range: config.reply.probe_range,
            on_uncertain: match config.reply.uncertain {
                crate::config::Uncertain::Resend => OnUncertain::Resend,
                crate::config::Uncertain::Hold => OnUncertain::Hold,
            },
            resent_mark: texts.resent_mark.to_owned(),
            on_settled: Arc::new(move |due| {
                if let Some(grouper) = settled.get() {
                    grouper.touch(due);
                }
            }),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
            pulse: pulse.clone(),
        });
        let typing = Typing {
            telegram: Arc::clone(&telegram),
            tasks: tasks.clone(),
        };
        let voice = voice::Voice {
            sender: sender.clone(),
            previews: Previews {
                telegram: Arc::clone(&telegram),
                store: Arc::clone(&store),
                limits,
                server: Arc::clone(&server),
                thinking: texts.thinking,
                unfinished: texts.unfinished,
                stop_button: texts.stop_button,
                tasks: tasks.clone(),
            },
            server,
            live: Arc::clone(&live),
            typing: typing.clone(),
        };
        let others = Arc::new(watch::Sender::new(false));
        let runner = Runner::new(turn::Parts {
            instance,
            store: Arc::clone(&store),
            speaker: Arc::new(voice),
            photos: Photos {
                telegram: Arc::clone(&telegram),
                max_bytes: config.media.photo_max_bytes,
                timeout: config.media.timeout,
            },
            settings: live.settings(),
            others: others.subscribe(),
            clock,
            shutdown: shutdown.clone(),
            tasks: tasks.clone(),
            pulse: pulse.clone(),
            max_concurrent: config.turns.max_concurrent,
        });
        let grouper = Grouper::new(
            &tasks,
            Arc::new(voice::Work {
                runner: runner.clone(),
                typing,
            }),
        );
        let _ = grouper_of_settled.set(grouper.clone());
        let intake = Arc::new(Intake::new(intake::Parts {
            instance,
            store: Arc::clone(&store),
            telegram: Arc::clone(&telegram),
            grouper: grouper.clone(),
            sender: sender.clone(),
            runner: runner.clone(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
            pulse: pulse.clone(),
            buffer: config.intake.buffer as u64,
        }));
        Self {
            role: watch::Sender::new(Role::Standby),
            config,
            bot,
            instance,
            store,
            close,
            telegram,
            shutdown,
            systemd,
            metrics,
            tasks,
            pulse,
            live,
            grouper,
            runner,
            sender,
            intake,
            others,
            reload,
            begun,
            lines,
        }
    }
}
