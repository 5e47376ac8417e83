//! The `metadata` that a client gives with a pin.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::errors::ApiError;

/// The longest name or MIME type, in characters; the Pinning Service API's limit for names.
pub(crate) const MAX_CHARS: usize = 255;

/// The longest keyvalues, in bytes of JSON: they are kept as long as the record of the pin, and stand in every list.
const MAX_KEYVALUES_BYTES: usize = 64 * 1024;

/// The most pairs that one list is filtered by.
const MAX_CONDITIONS: usize = 100;

#[derive(Debug, Default, Deserialize, PartialEq, ToSchema)]
pub(crate) struct GivenMetadata {
    #[schema(max_length = 255)]
    pub(crate) name: Option<String>,
    #[serde(rename = "type")]
    #[schema(max_length = 255)]
    pub(crate) mime_type: Option<String>,
    /// Values are strings, numbers and truth values.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub(crate) keyvalues: Option<Map<String, Value>>,
}

impl GivenMetadata {
    /// Reads the text of a `metadata` part; an empty one says nothing.
    pub(crate) fn from_part(bytes: &[u8]) -> Result<Self, ApiError> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice::<Option<Self>>(bytes)
            .map_err(|error| ApiError::bad_request(format!("metadata is not valid: {error}")))?
            .unwrap_or_default()
            .checked()
    }

    /// Reads it where it may also be a text of JSON, as clients write it into a JSON body that write the same text into a form.
    pub(crate) fn or_its_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Metadata(GivenMetadata),
        }
        match Option::<Either>::deserialize(deserializer)? {
            None => Ok(None),
            Some(Either::Metadata(metadata)) => Ok(Some(metadata)),
            Some(Either::Text(text)) if text.trim_ascii().is_empty() => Ok(None),
            Some(Either::Text(text)) => serde_json::from_str(&text).map_err(D::Error::custom),
        }
    }

    /// Empty texts become absent ones; what cannot be stored is refused.
    pub(crate) fn checked(self) -> Result<Self, ApiError> {
        let text = |field, text: Option<String>| {
            let text = text.filter(|text| !text.is_empty());
            check_chars(field, text.as_deref().unwrap_or_default()).map(|()| text)
        };
        if let Some(pairs) = &self.keyvalues {
            check_keyvalues(pairs)?;
            check_size("metadata.keyvalues", pairs, MAX_KEYVALUES_BYTES)?;
        }
        let (name, mime_type) = (text("metadata.name", self.name)?, text("metadata.type", self.mime_type)?);
        Ok(Self { name, mime_type, keyvalues: self.keyvalues })
    }
}

/// Refuses names that are too long; `field` is what the client calls it.
pub(crate) fn check_chars(field: &str, text: &str) -> Result<(), ApiError> {
    if text.chars().count() > MAX_CHARS {
        return Err(ApiError::bad_request(format!("{field} is longer than {MAX_CHARS} characters")));
    }
    Ok(())
}

/// Refuses values that lists could not be filtered by.
pub(crate) fn check_keyvalues(pairs: &Map<String, Value>) -> Result<(), ApiError> {
    let nested = pairs.iter().find(|(_, value)| !(value.is_string() || value.is_number() || value.is_boolean()));
    match nested {
        Some((key, _)) => {
            Err(ApiError::bad_request(format!("the value of {key:?} must be a string, a number or a boolean")))
        }
        None => Ok(()),
    }
}

/// Refuses filters that are too long to be looked for; `field` is what the client calls them.
pub(crate) fn check_conditions(field: &str, conditions: usize) -> Result<(), ApiError> {
    if conditions > MAX_CONDITIONS {
        return Err(ApiError::bad_request(format!("{field} has more than {MAX_CONDITIONS} pairs to look for")));
    }
    Ok(())
}

/// Refuses what is too much to keep; `field` is what the client calls it.
pub(crate) fn check_size(field: &str, pairs: &Map<String, Value>, max_bytes: usize) -> Result<(), ApiError> {
    let bytes = serde_json::to_vec(pairs).map_err(|error| ApiError::internal(&error))?.len();
    if bytes > max_bytes {
        return Err(ApiError::too_large(format!("{field} is larger than {} KiB", max_bytes / 1024)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<GivenMetadata, ApiError> {
        GivenMetadata::from_part(text.as_bytes())
    }

    #[test]
    fn absent_null_and_empty_say_nothing() {
        for text in ["", " \n", "null", "{}", r#"{"name":null,"type":"","keyvalues":null}"#] {
            assert_eq!(parse(text).unwrap(), GivenMetadata::default(), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_stored_is_refused() {
        let long = format!(r#"{{"name":"{}"}}"#, "n".repeat(256));
        for text in ["{", "[]", "1", r#"{"name":1}"#, r#"{"keyvalues":[]}"#, r#"{"keyvalues":{"a":{}}}"#, &long] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        let large = |bytes: usize| format!(r#"{{"keyvalues":{{"k":"{}"}}}}"#, "v".repeat(bytes));
        assert!(parse(&large(MAX_KEYVALUES_BYTES - 8)).is_ok());
        assert!(parse(&large(MAX_KEYVALUES_BYTES - 7)).is_err());
        assert!(parse(r#"{"name":"n","keyvalues":{"a":"b","c":1,"d":true},"more":[]}"#).is_ok());
    }
}
