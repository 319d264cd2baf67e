//! From an operation and its parameters to a request.

use alloc::boxed::Box;

use confer_core::gateway::{ApiRequest, InChat, Operation, RequestChat, Upload, Verb};
use confer_core::id::FileId;
use confer_core::text::Str;

use crate::fields::Fields;
use crate::problem::Problem;
use crate::route::What;

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) struct Goal {
    pub(crate) service: alloc::string::String,
    pub(crate) what: What,
    pub(crate) chat_id: alloc::string::String,
    pub(crate) file_id: alloc::string::String,
}

/// The request; `upload` is the file of an upload.
pub(crate) fn request(
    goal: &Goal,
    fields: &Fields,
    upload: Option<Upload>,
) -> Result<ApiRequest, Problem> {
    let service = Str::new(&goal.service);
    if goal.what == What::RequestChat {
        let [nickname, first_name, last_name, email_address] = fields.names()?;
        let chat = RequestChat {
            nickname,
            first_name,
            last_name,
            email_address,
            subject: fields.subject(),
            greeting: fields.greeting(),
            user_data: fields.user_data.clone(),
        };
        return Ok(ApiRequest { service, operation: Operation::RequestChat(Box::new(chat)) });
    }
    let customer = fields.customer(&goal.chat_id)?;
    let file_id = || FileId::new(&goal.file_id);
    let verb = match goal.what {
        What::Send => Verb::Send {
            text: fields.message().ok_or(Problem::Missing("message"))?,
            message_type: fields.message_type()?,
            user_data: fields.user_data.clone(),
        },
        What::StartTyping => Verb::StartTyping { preview: fields.message() },
        What::StopTyping => Verb::StopTyping { preview: fields.message() },
        What::ReadReceipt if fields.position()? == 0 => {
            return Err(Problem::Missing("transcriptPosition"));
        }
        What::ReadReceipt => Verb::ReadReceipt,
        What::Disconnect => Verb::Disconnect,
        What::PushUrl => Verb::PushUrl { url: fields.push_url()? },
        What::UpdateNickname => Verb::UpdateNickname { nickname: fields.new_nickname()? },
        What::CustomNotice => {
            Verb::CustomNotice { text: fields.message(), user_data: fields.user_data.clone() }
        }
        What::UpdateData if fields.user_data.is_empty() => {
            return Err(Problem::Missing("userData"));
        }
        What::UpdateData => Verb::UpdateData { user_data: fields.user_data.clone() },
        What::FileLimits => Verb::FileLimits,
        What::Upload => Verb::Upload(Box::new(upload.ok_or(Problem::Missing("file"))?)),
        What::Download => Verb::Download { file_id: file_id() },
        What::Delete => Verb::Delete { file_id: file_id() },
        What::Refresh | What::RequestChat => Verb::Refresh { text: fields.message() },
    };
    let operation = Operation::InChat(InChat {
        customer,
        alias: fields.alias(),
        position: fields.position()?,
        request_key: fields.request_key()?,
        verb,
    });
    Ok(ApiRequest { service, operation })
}
