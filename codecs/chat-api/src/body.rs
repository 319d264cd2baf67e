//! The body of a request, as it comes.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use confer_core::frame::KvList;
use confer_core::gateway::{ApiRequest, Upload};
use confer_core::pii::Pii;
use confer_core::text::Str;

use crate::disposition;
use crate::fields::Fields;
use crate::multipart::{Part, Parts, Step};
use crate::name::{safe_content_type, safe_name};
use crate::problem::Problem;
use crate::request::{Goal, request};
use crate::route::What;

/// Bytes of one body that are no file: names and values of all parameters, as they are sent.
pub const MAX_FORM: usize = 524_288;
/// Parameters of one body.
pub const MAX_FIELDS: usize = 1024;

/// The body of a request, as it comes.
///
/// [`feed`](Body::feed) takes what was read, and [`next`](Body::next) is called until it says that
/// there is nothing more in that. At its end, [`end`](Body::end) gives the request.
///
/// Of an upload, the file comes out as [`Piece`]s. Where everything else stands before the file, as
/// it should, [`Piece::File`] has the request already: the machine is asked, and the bytes wait until
/// it says where to ([`Action::Store`](confer_core::gateway::Action::Store)). Where it does not, the
/// shell has to put the bytes aside, as many as it will, and finds the request at the end.
pub struct Body {
    goal: Goal,
    form: Form,
    fields: Fields,
    /// Bytes that are no file, and fields.
    size: usize,
    count: usize,
    /// How long the body is, and how much of it has come.
    length: Option<u64>,
    came: u64,
    /// The file of an upload, and whether its request was told.
    upload: Option<Upload>,
    told: bool,
}

enum Form {
    UrlEncoded(Vec<u8>),
    Parts { parts: Parts, inside: Inside },
}

/// Which part comes.
enum Inside {
    /// A parameter.
    Field { name: String, value: Vec<u8> },
    /// The file.
    File,
    /// One that nobody asked for.
    Other,
}

/// What comes next of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The file begins.
    File {
        /// The request, if it can be made already.
        request: Option<Box<ApiRequest>>,
    },
    /// Bytes of the file.
    Data(&'a [u8]),
    /// The file ends.
    FileEnd,
}

impl Body {
    pub(crate) fn new(
        goal: Goal,
        content_type: Option<&str>,
        length: Option<u64>,
    ) -> Result<Self, Problem> {
        let content_type = content_type.unwrap_or_default().trim();
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let form = if kind.eq_ignore_ascii_case("multipart/form-data") {
            let boundary = disposition::parameter_of(content_type, "boundary");
            let boundary = boundary.ok_or(Problem::BrokenBody)?;
            let parts = Parts::new(&boundary).map_err(|_| Problem::BrokenBody)?;
            Form::Parts { parts, inside: Inside::Other }
        } else if goal.what == What::Upload {
            return Err(Problem::ContentType);
        } else if kind.is_empty() || kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            if length.is_some_and(|length| length > MAX_FORM as u64) {
                return Err(Problem::TooLarge);
            }
            Form::UrlEncoded(Vec::new())
        } else {
            return Err(Problem::ContentType);
        };
        Ok(Self {
            goal,
            form,
            fields: Fields::default(),
            size: 0,
            count: 0,
            length,
            came: 0,
            upload: None,
            told: false,
        })
    }

    /// Which operation is asked for.
    pub fn what(&self) -> What {
        self.goal.what
    }

    /// More of the body has come.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.came = self.came.saturating_add(bytes.len() as u64);
        match &mut self.form {
            Form::UrlEncoded(so_far) => {
                // One byte more than may be is enough to know.
                let room = (MAX_FORM + 1).saturating_sub(so_far.len());
                so_far.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Form::Parts { parts, .. } => parts.feed(bytes),
        }
    }

    /// What comes next; `None`: nothing before more of the body has come.
    ///
    /// # Errors
    ///
    /// The request cannot be made any more, and is answered with the problem.
    #[expect(clippy::should_implement_trait, reason = "what is told is borrowed")]
    pub fn next(&mut self) -> Result<Option<Piece<'_>>, Problem> {
        let (parts, inside) = match &mut self.form {
            Form::UrlEncoded(bytes) if bytes.len() > MAX_FORM => return Err(Problem::TooLarge),
            Form::UrlEncoded(_) => return Ok(None),
            Form::Parts { parts, inside } => (parts, inside),
        };
        loop {
            match parts.step().map_err(|_| Problem::BrokenBody)? {
                None => return Ok(None),
                Some(Step::Part(part)) => {
                    self.count += 1;
                    self.size += part.name.len();
                    if self.count > MAX_FIELDS || self.size > MAX_FORM {
                        return Err(Problem::TooLarge);
                    }
                    let is_file = self.goal.what == What::Upload && part.name == "file";
                    if is_file && self.upload.is_none() {
                        *inside = Inside::File;
                        // What is not the file, is at least the end of the body.
                        let at_most = self.length.map(|length| {
                            let held = parts.held() as u64;
                            let left = length.saturating_sub(self.came).saturating_add(held);
                            left.saturating_sub(parts.end_len() as u64)
                        });
                        let upload = self.upload.insert(file(&part, at_most));
                        upload.user_data = self.fields.user_data.clone();
                        let request = if self.fields.has_customer() {
                            self.told = true;
                            Some(Box::new(request(&self.goal, &self.fields, self.upload.clone())?))
                        } else {
                            None
                        };
                        return Ok(Some(Piece::File { request }));
                    }
                    *inside = if is_file || part.file_name.is_some() {
                        Inside::Other
                    } else {
                        Inside::Field { name: part.name, value: Vec::new() }
                    };
                }
                Some(Step::Data(range)) => match inside {
                    Inside::File => return Ok(Some(Piece::Data(parts.bytes(range)))),
                    Inside::Field { value, .. } => {
                        self.size += range.len();
                        if self.size > MAX_FORM {
                            return Err(Problem::TooLarge);
                        }
                        value.extend_from_slice(parts.bytes(range));
                    }
                    Inside::Other => {
                        self.size += range.len();
                        if self.size > MAX_FORM {
                            return Err(Problem::TooLarge);
                        }
                    }
                },
                Some(Step::PartEnd) => match core::mem::replace(inside, Inside::Other) {
                    Inside::File => return Ok(Some(Piece::FileEnd)),
                    Inside::Field { name, value } => {
                        self.fields.take(&name, &String::from_utf8_lossy(&value))?;
                    }
                    Inside::Other => {}
                },
            }
        }
    }

    /// All of the body has come; the request, unless it was told with the file.
    ///
    /// # Errors
    ///
    /// The request cannot be made, and is answered with the problem. Of an upload whose request was
    /// told, the file did not come whole.
    pub fn end(mut self) -> Result<Option<ApiRequest>, Problem> {
        match &self.form {
            Form::UrlEncoded(bytes) if bytes.len() > MAX_FORM => return Err(Problem::TooLarge),
            Form::UrlEncoded(bytes) => {
                for (name, value) in form_urlencoded::parse(bytes) {
                    self.count += 1;
                    if self.count > MAX_FIELDS {
                        return Err(Problem::TooLarge);
                    }
                    self.fields.take(&name, &value)?;
                }
            }
            Form::Parts { parts, .. } if !parts.is_over() => return Err(Problem::BrokenBody),
            Form::Parts { .. } => {}
        }
        if self.told {
            return Ok(None);
        }
        if let Some(upload) = &mut self.upload {
            upload.user_data = core::mem::take(&mut self.fields.user_data);
        }
        request(&self.goal, &self.fields, self.upload.take()).map(Some)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({:?}, {} bytes came)", self.goal.what, self.came)
    }
}

/// A file of this head.
fn file(part: &Part, size_at_most: Option<u64>) -> Upload {
    let name = safe_name(part.file_name.as_deref().unwrap_or_default());
    let content_type = safe_content_type(part.content_type.as_deref().unwrap_or_default());
    Upload {
        name: Pii::new(Str::new(&name)),
        content_type: Str::new(content_type),
        size_at_most,
        user_data: KvList::new(),
    }
}

#[cfg(test)]
mod tests;
