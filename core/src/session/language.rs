//! The language a session is in (§16 of the behaviour).

use crate::frame::{ErrorId, KvList};
use crate::refusal::Refusal;
use crate::text::Str;

const NAME: &str = "GCTI_LanguageName";
const CODE: &str = "GCTI_LanguageCode";
/// The longest name or code that may be given to a living session, in characters.
const MAX_CHARS: usize = 255;

/// A language, as somebody called it. Which of the configured ones it is, if any, the configuration
/// in force says when it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Language {
    pub(crate) name: Option<Str>,
    pub(crate) code: Option<Str>,
}

impl Language {
    /// The one a session is created with: a name decides alone (B16.2).
    pub(crate) fn of(user_data: &KvList) -> Self {
        let text = |key| user_data.text(key).map(|text| Str::new(&text));
        Self { name: text(NAME), code: text(CODE) }
    }

    /// The one a participant's command asks for (B7.4, B16.3).
    pub(crate) fn commanded(user_data: &KvList) -> Result<Self, Refusal> {
        Self::given(user_data)?.ok_or(Refusal::because(
            ErrorId::Malformed,
            "GCTI_LanguageName and GCTI_LanguageCode are missing",
        ))
    }

    /// The one the workflow asks for, if it does: a code decides alone (B14.7).
    pub(crate) fn configured(parameters: &KvList) -> Result<Option<Self>, Refusal> {
        let mut language = Self::given(parameters)?;
        if let Some(Self { name, code: Some(_) }) = &mut language {
            *name = None;
        }
        Ok(language)
    }

    fn given(list: &KvList) -> Result<Option<Self>, Refusal> {
        for key in [NAME, CODE] {
            let fits = |text: &str| text.chars().count() <= MAX_CHARS;
            if list.value(key).is_some() && !list.text(key).is_some_and(|text| fits(&text)) {
                return Err(Refusal::because(
                    ErrorId::Malformed,
                    "a language is no text of at most 255 characters",
                ));
            }
        }
        let language = Self::of(list);
        Ok((language != Self::default()).then_some(language))
    }
}
