//! Building: everything is made and introduced to its neighbours here.
//!
//! Nothing runs yet when it returns; nothing here waits.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use super::helm::{self, AtTheHelm};
use super::relays::{Reach, Relaying};
use super::seeing::Seeing;
use super::standing::Standing;
use super::{Daemon, Intake, Live, Seams, instance_id, intake, voice};
use crate::bell::Bell;
use crate::domain::part::OnUncertain;
use crate::grouper::Grouper;
use crate::media::{self, Library};
use crate::ops::control::Farewell;
use crate::pulse::Pulse;
use crate::reply::hush::Hush;
use crate::reply::keyboard::Keyboards;
use crate::reply::limits::Limits;
use crate::reply::plan::Server;
use crate::reply::preview::Previews;
use crate::reply::receipts::Receipts;
use crate::reply::sender::{self, Sender};
use crate::reply::typing::Typing;
use crate::shutdown::Tasks;
use crate::telegram::Telegram;
use crate::texts::Texts;
use crate::turn::{self, Runner};

impl Daemon {
    /// Builds everything; starts nothing.
    pub(super) fn build(seams: Seams) -> Self {
        let Seams {
            config,
            bot,
            store,
            desk,
            close,
            telegram,
            llm,
            senses,
            clock,
            shutdown,
            systemd,
            metrics,
            troubles,
            control,
            disk,
            seed,
            reload,
            begun,
            lines,
        } = seams;
        let instance = instance_id(seed);
        let reach = Reach::default();
        let bell = Bell::default();
        let telegram: Arc<dyn Telegram> = Arc::new(Relaying {
            telegram,
            store: Arc::clone(&store),
            reach: reach.clone(),
        });
        let tasks = Tasks::new(&shutdown);
        let seeing = Seeing::new(&config.traces, &*store);
        let pulse = Pulse::default();
        let live = Arc::new(Live::new(&config, llm, seed));
        let limits = Arc::new(Limits::default());
        let hush = Hush::default();
        let server = Arc::new(Server::default());
        let place = senses.place;
        let library = Arc::new(Library::new(
            Arc::clone(&telegram),
            beside(&config.store.path),
            senses,
            media::Limits {
                picture_bytes: config.media.photo_max_bytes,
                file_bytes: config.media.file_max_bytes,
                timeout: config.media.timeout,
                edge: config.media.photo_edge,
                chars: config.media.document_chars,
                pages: config.media.document_pages,
            },
        ));
        let changes = Arc::new(watch::Sender::new(0));
        let settling = Arc::clone(&changes);
        let emptied = Arc::clone(&library);
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
            hush: hush.clone(),
            server: Arc::clone(&server),
            probe_range: config.reply.probe_range,
            on_uncertain: match config.reply.uncertain {
                crate::config::Uncertain::Resend => OnUncertain::Resend,
                crate::config::Uncertain::Hold => OnUncertain::Hold,
            },
            resent_mark: Texts::english().resent_mark.to_owned(),
            on_settled: Arc::new(move |due| {
                emptied.sweep_soon();
                settling.send_modify(|count| *count += 1);
                if let Some(grouper) = settled.get() {
                    grouper.touch(due);
                }
            }),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
            pulse: pulse.clone(),
            traces: seeing.traces.clone(),
            bell: bell.clone(),
        });
        let receipts = Receipts {
            telegram: Arc::clone(&telegram),
            store: Arc::clone(&store),
            limits: Arc::clone(&limits),
        };
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
                hush,
                server: Arc::clone(&server),
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
            telegram: Arc::clone(&telegram),
            library: Arc::clone(&library),
            settings: live.settings(),
            others: others.subscribe(),
            clock: clock.clone(),
            shutdown: shutdown.clone(),
            tasks: tasks.clone(),
            pulse: pulse.clone(),
            traces: seeing.traces.clone(),
            bell: bell.clone(),
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
            clock: clock.clone(),
            bell: bell.clone(),
            changes: Arc::clone(&changes),
        }));
        let standing = Standing::default();
        let helm = Arc::new(AtTheHelm::new(helm::Parts {
            bot,
            instance,
            mode: config.telegram.mode,
            clock: clock.clone(),
            begun,
            store: Arc::clone(&store),
            desk,
            runner: runner.clone(),
            sender: sender.clone(),
            grouper: grouper.clone(),
            intake: Arc::clone(&intake),
            live: Arc::clone(&live),
            shutdown: shutdown.clone(),
            standing: standing.clone(),
            troubles,
            changes,
        }));
        Self {
            standing,
            helm,
            control,
            farewell: Farewell::default(),
            begun_at: clock.now(),
            clock,
            bell,
            reach,
            disk,
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
            receipts,
            library,
            place,
            intake,
            others,
            reload,
            begun,
            lines,
            seeing,
        }
    }
}

/// The folder for media: beside the store's file, named after it.
fn beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".media");
    name.into()
}
