//! Serialising without what must not be seen.

use alloc::vec;

use confer_core::serial::HIDDEN;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer};

/// A value as it may be shown to anybody: every text and secret in it, which is whatever `Debug`
/// hides, has an asterisk in the place of each character, and numbers are 0. Types and lengths stay.
#[derive(Clone, Copy, Debug)]
pub struct Hide<'a, T: ?Sized>(pub &'a T);

impl<T: Serialize + ?Sized> Serialize for Hide<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Hiding { inner: serializer, hidden: false })
    }
}

/// A serialiser that knows whether what comes must not be seen.
struct Hiding<S> {
    inner: S,
    hidden: bool,
}

/// A value on its way into the serialiser inside.
struct Inside<'a, T: ?Sized> {
    value: &'a T,
    hidden: bool,
}

impl<T: Serialize + ?Sized> Serialize for Inside<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Hiding { inner: serializer, hidden: self.hidden })
    }
}

impl<S> Hiding<S> {
    const fn around<'a, T: ?Sized>(&self, value: &'a T) -> Inside<'a, T> {
        Inside { value, hidden: self.hidden }
    }
}

macro_rules! scalars {
    ($($method:ident $type:ty),+ $(,)?) => {$(
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(if self.hidden { <$type>::default() } else { value })
        }
    )+};
}

impl<S: Serializer> Serializer for Hiding<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Hiding<S::SerializeSeq>;
    type SerializeTuple = Hiding<S::SerializeTuple>;
    type SerializeTupleStruct = Hiding<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Hiding<S::SerializeTupleVariant>;
    type SerializeMap = Hiding<S::SerializeMap>;
    type SerializeStruct = Hiding<S::SerializeStruct>;
    type SerializeStructVariant = Hiding<S::SerializeStructVariant>;

    scalars!(
        serialize_bool bool, serialize_char char,
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_i128 i128,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64,
        serialize_u128 u128,
        serialize_f32 f32, serialize_f64 f64,
    );

    fn serialize_str(self, value: &str) -> Result<S::Ok, S::Error> {
        if self.hidden {
            self.inner.serialize_str(&"*".repeat(value.chars().count()))
        } else {
            self.inner.serialize_str(value)
        }
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<S::Ok, S::Error> {
        if self.hidden {
            self.inner.serialize_bytes(&vec![0; value.len()])
        } else {
            self.inner.serialize_bytes(value)
        }
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let value = self.around(value);
        self.inner.serialize_some(&value)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_struct(name)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let hidden = self.hidden || name == HIDDEN;
        self.inner.serialize_newtype_struct(name, &Inside { value, hidden })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.around(value);
        self.inner.serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let hidden = self.hidden;
        Ok(Hiding { inner: self.inner.serialize_seq(len)?, hidden })
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        let hidden = self.hidden;
        Ok(Hiding { inner: self.inner.serialize_tuple(len)?, hidden })
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let hidden = self.hidden;
        Ok(Hiding { inner: self.inner.serialize_tuple_struct(name, len)?, hidden })
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let hidden = self.hidden;
        Ok(Hiding { inner: self.inner.serialize_tuple_variant(name, index, variant, len)?, hidden })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let hidden = self.hidden;
        Ok(Hiding { inner: self.inner.serialize_map(len)?, hidden })
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        let hidden = self.hidden;
        Ok(Hiding { inner: self.inner.serialize_struct(name, len)?, hidden })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let hidden = self.hidden;
        let inner = self.inner.serialize_struct_variant(name, index, variant, len)?;
        Ok(Hiding { inner, hidden })
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// What has parts: each goes in as it may be seen.
macro_rules! compounds {
    ($($trait:ident: $method:ident $(($name:ident))?;)+) => {$(
        impl<S: $trait> $trait for Hiding<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &T,
            ) -> Result<(), S::Error> {
                let value = Inside { value, hidden: self.hidden };
                self.inner.$method($($name,)? &value)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )+};
}

compounds! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
    SerializeStruct: serialize_field (key);
    SerializeStructVariant: serialize_field (key);
}

impl<S: SerializeMap> SerializeMap for Hiding<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        let key = Inside { value: key, hidden: self.hidden };
        self.inner.serialize_key(&key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        let value = Inside { value, hidden: self.hidden };
        self.inner.serialize_value(&value)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}
