//! The list of methods: one name, one function. Names are case-insensitive.

use serde_json::Value;

use super::answer::{Answer, Outcome, Refusal};
use super::params::Params;
use super::world::World;
use crate::clock::Millis;

/// The name under which downloads are counted and meet faults; no method.
pub(super) const DOWNLOAD: &str = "download";

impl World {
    /// Executes one method at `now`, faults aside.
    pub(super) fn handle(&mut self, method: &str, params: &Value, now: Millis) -> Outcome {
        self.tick(now);
        let params = Params::new(params);
        let name = method.to_ascii_lowercase();
        if name == "getupdates" {
            return self.get_updates(params, now);
        }
        match self.execute(&name, params, now) {
            Ok(result) => Outcome::Answer(result),
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    fn execute(&mut self, name: &str, params: Params<'_>, now: Millis) -> Answer {
        match name {
            "getme" => Ok(self.get_me()),
            "setwebhook" => self.set_webhook(params, now),
            "deletewebhook" => Ok(self.delete_webhook(params)),
            "getwebhookinfo" => Ok(self.get_webhook_info()),
            "setmycommands" => self.set_my_commands(params),
            "getmycommands" => Ok(self.get_my_commands(params)),
            "deletemycommands" => Ok(self.delete_my_commands(params)),
            "sendmessage" => self.send_message(params, now),
            "sendrichmessage" => self.send_rich_message(params, now),
            "sendmessagedraft" => self.send_message_draft(params, now),
            "sendrichmessagedraft" => self.send_rich_message_draft(params, now),
            "senddocument" => self.send_document(params, now),
            "editmessagecaption" => self.edit_message_caption(params, now),
            "editmessagetext" => self.edit_message_text(params, now),
            "editmessagereplymarkup" => self.edit_message_reply_markup(params, now),
            "deletemessage" => self.delete_message(params, now),
            "answercallbackquery" => self.answer_callback_query(params, now),
            "sendchataction" => self.send_chat_action(params, now),
            "setmessagereaction" => self.set_message_reaction(params, now),
            "getchat" => self.get_chat(params),
            "getchatmember" => self.get_chat_member(params),
            "getchatadministrators" => self.get_chat_administrators(params),
            "getchatmembercount" => self.get_chat_member_count(params),
            "leavechat" => self.leave_chat(params, now),
            "getbusinessconnection" => self.get_business_connection(params, now),
            "answerguestquery" => self.answer_guest_query(params, now),
            "getfile" => self.get_file(params),
            DOWNLOAD => self.download(params),
            _ => Err(Refusal::unknown_method()),
        }
    }
}
