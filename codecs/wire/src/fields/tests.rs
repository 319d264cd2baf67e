use super::*;
use crate::attributes::RawFrame;
use crate::testing::{ID_AT, LONG, STR, VALUE_AT, attribute, block, frame, int};
use crate::{EncodeError, MAX_FRAME};
use alloc::vec::Vec;
use bytes::BytesMut;
use confer_core::frame::{Protocol, UserType, Visibility};

const USER_ID: u16 = 1;
const USER_TYPE: u16 = 5;
const LAST_POSITION: u16 = 37;
const REQUEST_KEY: u16 = 47;

/// What reading makes of a frame with these attributes.
fn read<T>(
    attributes: &[u8],
    read: impl FnOnce(&mut Group<'_>) -> Result<T, Misfit>,
) -> Result<T, Misfit> {
    let bytes = frame(attributes);
    read(&mut Group::new(RawFrame::parse(&bytes, None, MAX_FRAME).unwrap().attributes))
}

fn misfit<T>(what: Flaw, offset: u32) -> Result<T, Misfit> {
    Err(Misfit { what, offset })
}

fn written(write: impl FnOnce(&mut Writer<'_>)) -> Result<Vec<u8>, EncodeError> {
    let mut out = BytesMut::new();
    let mut writer = Writer::begin(&mut out, Protocol::Basic, 4, 7, MAX_FRAME);
    write(&mut writer);
    writer.finish().map(|()| out.to_vec())
}

#[test]
fn what_is_missing_is_missed_where_its_level_begins() {
    let outcome = read(&int(9, 1), |group| group.required::<UserId>(Attribute::UserId));
    assert_eq!(outcome, misfit(Flaw::Missing(Attribute::UserId), ID_AT));
    let outcome = read(&int(9, 1), |group| group.optional::<UserId>(Attribute::UserId));
    assert_eq!(outcome, Ok(None));
    assert_eq!(read(&[], |group| group.flag(Attribute::MoreEvents)), Ok(false));
}

#[test]
fn an_attribute_begins_where_its_value_does_or_would_be_missed() {
    let outcome = read(&[int(9, 1), int(USER_TYPE, 2)].concat(), |group| {
        Ok([Attribute::Visibility, Attribute::UserType, Attribute::UserId]
            .map(|attribute| group.offset(attribute)))
    });
    assert_eq!(outcome, Ok([VALUE_AT, VALUE_AT + 7, ID_AT]));
}

#[test]
fn each_is_taken_once_and_from_anywhere() {
    let user = attribute(USER_ID, STR, &block(b"00E1B7C6D8F90A12"));
    let outcome = read(&[int(9, 3), user, int(USER_TYPE, 2)].concat(), |group| {
        let user_id: UserId = group.required(Attribute::UserId)?;
        let again: Option<UserId> = group.optional(Attribute::UserId)?;
        let user_type: UserType = group.required(Attribute::UserType)?;
        let visibility: Visibility = group.required(Attribute::Visibility)?;
        Ok((user_id, again, user_type, visibility))
    });
    let user_id = UserId::new("00E1B7C6D8F90A12");
    assert_eq!(outcome, Ok((user_id, None, UserType::Agent, Visibility::Vip)));
}

#[test]
fn an_enumeration_is_closed_in_requests_and_open_in_events() {
    for number in [0, 6, -1, i32::MAX, i32::MIN] {
        let bytes = [int(9, 1), int(USER_TYPE, number)].concat();
        let outcome = read(&bytes, |group| group.required::<UserType>(Attribute::UserType));
        assert_eq!(outcome, misfit(Flaw::OutOfRange(Attribute::UserType), VALUE_AT + 7));
        let outcome = read(&bytes, |group| group.required::<Open<UserType>>(Attribute::UserType));
        assert_eq!(outcome, Ok(Open::Unknown(number)));
    }
    let outcome = read(&int(USER_TYPE, 5), |group| group.required(Attribute::UserType));
    assert_eq!(outcome, Ok(Open::Known(UserType::System)));
}

#[test]
fn times_sizes_and_positions_are_not_negative() {
    for (number, fits) in [(0, true), (i32::MAX, true), (-1, false), (i32::MIN, false)] {
        let bytes = int(LAST_POSITION, number);
        let expected = u32::try_from(number);
        assert_eq!(expected.is_ok(), fits);
        let expected = expected.map_err(|_| Misfit {
            what: Flaw::OutOfRange(Attribute::LastPosition),
            offset: VALUE_AT,
        });
        let read_u32 = read(&bytes, |group| group.required::<u32>(Attribute::LastPosition));
        assert_eq!(read_u32, expected);
        let read_id = read(&bytes, |group| group.required::<EventId>(Attribute::LastPosition));
        assert_eq!(read_id.map(EventId::number), expected);
    }
    let too_large = written(|writer| writer.required(Attribute::LastPosition, &0x8000_0000_u32));
    assert_eq!(too_large, Err(EncodeError::OutOfRange(Attribute::LastPosition)));
    let largest = written(|writer| writer.required(Attribute::LastPosition, &EventId::MAX));
    assert_eq!(largest, Ok(frame(&int(LAST_POSITION, i32::MAX))));
}

#[test]
fn a_number_that_breaks_a_condition_is_out_of_range() {
    let bytes = [int(9, 1), int(48, 4095)].concat();
    let check = |group: &mut Group<'_>| group.check(Attribute::MaxFrame, |_| false);
    assert_eq!(read(&bytes, check), misfit(Flaw::OutOfRange(Attribute::MaxFrame), VALUE_AT + 7));
    assert_eq!(read(&bytes, |group| group.check(Attribute::MaxFrame, |_| true)), Ok(()));
}

#[test]
fn a_request_key_has_1_to_64_bytes() {
    for (key, fits) in
        [("", false), ("k", true), (&*"k".repeat(64), true), (&"k".repeat(65), false)]
    {
        let bytes = attribute(REQUEST_KEY, STR, &block(key.as_bytes()));
        let outcome = read(&bytes, |group| group.check(Attribute::RequestKey, is_request_key));
        let form = misfit(Flaw::BadForm(Attribute::RequestKey), VALUE_AT);
        assert_eq!(outcome, if fits { Ok(()) } else { form });
    }
    // Bytes count, not characters.
    let bytes = attribute(REQUEST_KEY, STR, &block("é".repeat(33).as_bytes()));
    assert!(read(&bytes, |group| group.check(Attribute::RequestKey, is_request_key)).is_err());
    // What is not there breaks no condition.
    assert_eq!(read(&[], |group| group.check(Attribute::RequestKey, is_request_key)), Ok(()));
}

#[test]
fn flags_are_written_when_set() {
    assert_eq!(written(|writer| writer.flag(Attribute::MoreEvents, &false)), Ok(frame(&[])));
    assert_eq!(written(|writer| writer.flag(Attribute::MoreEvents, &true)), Ok(frame(&int(38, 1))));
    // Unlike a value that happens to be a flag.
    let alive = written(|writer| writer.required(Attribute::Alive, &false));
    assert_eq!(alive, Ok(frame(&int(44, 0))));
}

mod controls {
    use super::*;
    use crate::control;
    use crate::map::{ADDP_POLL, ADDP_SETUP, AUTHENTICATE};
    use confer_core::frame::Control;
    use core::time::Duration;

    fn read(message: u16, attributes: &[u8]) -> Result<Control, Misfit> {
        let bytes = frame(attributes);
        control::read(message, RawFrame::parse(&bytes, None, MAX_FRAME).unwrap().attributes)
    }

    #[test]
    fn a_remote_timeout_is_not_negative_and_0_when_absent() {
        for millis in [0, 1, i64::MAX] {
            let bytes = attribute(46, LONG, &millis.to_be_bytes());
            let remote_timeout = Duration::from_millis(millis.unsigned_abs());
            let control = Control::AddpSetup { remote_timeout };
            assert_eq!(read(ADDP_SETUP, &bytes), Ok(control.clone()));
            assert_eq!(written(|writer| control::write(&control, writer)), Ok(frame(&bytes)));
        }
        assert_eq!(
            read(ADDP_SETUP, &[]),
            Ok(Control::AddpSetup { remote_timeout: Duration::ZERO })
        );
        for millis in [-1, i64::MIN] {
            let bytes = attribute(46, LONG, &millis.to_be_bytes());
            let outcome = read(ADDP_SETUP, &bytes);
            assert_eq!(outcome, misfit(Flaw::OutOfRange(Attribute::RemoteTimeout), VALUE_AT));
        }
        // More milliseconds than the wire can carry are as many as it can.
        let control = Control::AddpSetup { remote_timeout: Duration::MAX };
        let bytes = attribute(46, LONG, &i64::MAX.to_be_bytes());
        assert_eq!(written(|writer| control::write(&control, writer)), Ok(frame(&bytes)));
    }

    #[test]
    fn a_token_is_needed_and_attributes_of_others_are_not_looked_at() {
        let missing = misfit(Flaw::Missing(Attribute::AccessToken), ID_AT);
        assert_eq!(read(AUTHENTICATE, &int(9, 1)), missing);
        assert_eq!(read(ADDP_POLL, &int(USER_TYPE, 99)), Ok(Control::AddpPoll));
        assert_eq!(read(AUTHENTICATE - 1, &[]), Err(Misfit::UNKNOWN_MESSAGE));
    }
}
