//! `Content-Disposition` of a multipart part (RFC 7578), with the whole path of the filename.
//!
//! Libraries cut a filename to its last segment; here the directories in it are the point.

use super::foreign_names::{encoded_words, extended_value};

/// The parameters that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disposition {
    pub(crate) name: String,
    /// From `filename*` where there is one that can be read, else from `filename`.
    pub(crate) filename: Option<String>,
}

/// Reads `form-data; name="…"; filename="…"; filename*=…`. In quotes `\"` and `\\` stand for `"` and `\`, any other backslash
/// and every percent sign for itself; a filename that is encoded words and nothing else is what they say. `None` for
/// anything else, a parameter twice, or bytes that are no UTF-8.
pub(crate) fn parse(value: &[u8]) -> Option<Disposition> {
    let text = std::str::from_utf8(value).ok()?;
    let (kind, mut rest) = text.split_once(';').unwrap_or((text, ""));
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let (mut name, mut filename, mut extended) = (None, None, None);
    while !rest.trim_start().is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = parameter_value(after.trim_start())?;
        let wanted = match key.trim() {
            key if key.eq_ignore_ascii_case("name") => Some(&mut name),
            key if key.eq_ignore_ascii_case("filename") => Some(&mut filename),
            key if key.eq_ignore_ascii_case("filename*") => Some(&mut extended),
            _ => None,
        };
        if let Some(wanted) = wanted
            && wanted.replace(value).is_some()
        {
            return None;
        }
        let after = after.trim_start();
        rest = if after.is_empty() { after } else { after.strip_prefix(';')? };
    }
    let extended = extended.as_deref().and_then(extended_value);
    let filename = extended.or_else(|| filename.map(|filename| encoded_words(&filename).unwrap_or(filename)));
    Some(Disposition { name: name?, filename })
}

fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return Some((text[..end].trim_end().into(), &text[end..]));
    };
    let mut value = String::with_capacity(quoted.len());
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            _ => value.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filename(header: &str) -> Option<String> {
        parse(header.as_bytes())?.filename
    }

    #[test]
    fn the_filename_keeps_its_directories() {
        let parsed = parse(br#"form-data; name="file"; filename="site/css/a.css""#).unwrap();
        assert_eq!(parsed, Disposition { name: "file".into(), filename: Some("site/css/a.css".into()) });
    }

    #[test]
    fn escapes_are_those_of_go_and_nothing_else_is_decoded() {
        assert_eq!(filename(r#"form-data; name="file"; filename="a\"b\\c.txt""#).unwrap(), r#"a"b\c.txt"#);
        assert_eq!(filename(r#"form-data; name="file"; filename="a%22b%0Ac\d""#).unwrap(), r"a%22b%0Ac\d");
        assert_eq!(filename(r#"form-data; name="file"; filename="ü/名 ; = .txt""#).unwrap(), "ü/名 ; = .txt");
    }

    #[test]
    fn order_case_and_quotes_may_differ() {
        assert_eq!(filename(r#"Form-Data ;filename=a.txt ; NAME=file"#).unwrap(), "a.txt");
        assert_eq!(filename(r#"form-data; name="file"; filename="""#).unwrap(), "");
        assert_eq!(parse(br#"form-data; name="metadata";"#).unwrap().filename, None);
    }

    #[test]
    fn the_extended_filename_counts_before_the_plain_one_wherever_it_stands() {
        for header in [
            r#"form-data; name="file"; filename*=UTF-8''d/%C3%BC%22.txt; filename="y""#,
            r#"form-data; name="file"; filename="y"; FILENAME*=utf-8'de'd/%c3%bc%22.txt"#,
            r#"form-data; name=file; filename*=utf-8''d/%C3%BC%22.txt"#,
            r#"form-data; name=file; filename*="iso-8859-1''d/%FC%22.txt""#,
        ] {
            assert_eq!(filename(header).unwrap(), "d/ü\".txt", "{header}");
        }
        for unreadable in ["UTF-8''%FF", "none-such''x", "UTF-8'x", "UTF-8''%4"] {
            assert_eq!(filename(&format!("form-data; name=a; filename*={unreadable}; filename=y")).unwrap(), "y");
            assert_eq!(filename(&format!("form-data; name=a; filename*={unreadable}")), None);
        }
    }

    /// As the form of .NET writes them.
    #[test]
    fn a_filename_of_encoded_words_is_what_they_say() {
        let header = r#"form-data; name=file; filename="=?utf-8?B?TcO8bGxlci50eHQ=?=""#;
        assert_eq!(filename(header).unwrap(), "Müller.txt");
        assert_eq!(filename(&format!("{header}; filename*=utf-8''M%C3%BCller.txt")).unwrap(), "Müller.txt");
        let partly = r#"form-data; name="file"; filename="site/=?utf-8?Q?a?=""#;
        assert_eq!(filename(partly).unwrap(), "site/=?utf-8?Q?a?=");
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        for header in [
            r#"attachment; name="file""#,
            r#"form-data"#,
            r#"form-data; filename="a""#,
            r#"form-data; name="file"; filename="a"; filename="b""#,
            r#"form-data; name="file"; filename*=UTF-8''a; filename*=UTF-8''b"#,
            r#"form-data; name="file"; filename="a"#,
            r#"form-data; name="file"; filename="a" b"#,
            r#"form-data; name"#,
        ] {
            assert_eq!(parse(header.as_bytes()), None, "{header}");
        }
        assert_eq!(parse(b"form-data; name=\"file\"; filename=\"\xff\""), None);
    }
}
