//! `_redirects` files (<https://specs.ipfs.tech/http-gateways/web-redirects-file/>): what a site says about paths that it
//! does not have. Only for sites with an origin of their own.

use std::{borrow::Cow, collections::HashSet};

use axum::http::StatusCode;
use percent_encoding::percent_decode_str;

/// The longest file that is read.
pub(super) const MAX_FILE_BYTES: u64 = 64 * 1024;

/// The longest address that a rule leads to. A value may stand in it as often as the file has room for its name.
const MAX_ADDRESS_BYTES: usize = 64 * 1024;

const STATUSES: [u16; 9] = [200, 301, 302, 303, 307, 308, 404, 410, 451];

/// The rules of a file, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Redirects(Vec<Rule>);

#[derive(Debug, PartialEq, Eq)]
struct Rule {
    from: Vec<Segment>,
    /// Whether the rest of a path, whatever it is, belongs to what `from` matches.
    splat: bool,
    to: String,
    status: StatusCode,
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Placeholder(String),
}

/// What is to be done about a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Another address, with the query of the request in it.
    Redirect { location: String, status: StatusCode },
    /// The content of another path of the site, still percent-encoded.
    Rewrite { path: String, status: StatusCode },
}

/// Why a file is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RedirectsError {
    #[error("redirects file size cannot exceed {MAX_FILE_BYTES} bytes")]
    TooLarge,
    #[error("it is not a file of UTF-8 text")]
    NotText,
    #[error("line {line}: {why}")]
    Line { line: usize, why: &'static str },
}

impl Redirects {
    pub(crate) fn parse(file: &str) -> Result<Self, RedirectsError> {
        if file.len() as u64 > MAX_FILE_BYTES {
            return Err(RedirectsError::TooLarge);
        }
        // Editors of Windows mark a file as UTF-8.
        let file = file.strip_prefix('\u{feff}').unwrap_or(file);
        let lines = file.lines().map(|line| line.trim_matches([' ', '\t'])).enumerate();
        let rules = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let rules = rules.map(|(at, line)| Rule::parse(line).map_err(|why| RedirectsError::Line { line: at + 1, why }));
        rules.collect::<Result<_, _>>().map(Self)
    }

    /// What the first rule that matches says. `path` begins with a slash and is percent-encoded, as the query is.
    pub(crate) fn action(&self, path: &str, query: Option<&str>) -> Option<Action> {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        self.0.iter().find_map(|rule| rule.apply(&segments, query))
    }
}

impl Rule {
    fn parse(line: &str) -> Result<Self, &'static str> {
        let mut fields = line.split([' ', '\t']).filter(|field| !field.is_empty());
        let (Some(from), Some(to)) = (fields.next(), fields.next()) else {
            return Err("a rule has two or three fields: from, to and a status");
        };
        let status = fields.next().unwrap_or("301");
        if fields.next().is_some() {
            return Err("a rule has two or three fields: from, to and a status");
        }
        let status = status.parse().ok().filter(|status| STATUSES.contains(status));
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.ok_or("the status is not one of 200, 301, 302, 303, 307, 308, 404, 410 and 451")?;
        let is_path = to.starts_with('/');
        let is_url = to.starts_with("http://") || to.starts_with("https://");
        if !is_path && !is_url {
            return Err("the second field is neither a path nor an http or https URL");
        }
        if !is_path && !status.is_redirection() {
            return Err("content of another site cannot be shown under this address, only redirected to");
        }
        if to.chars().any(char::is_control) {
            return Err("the second field has a control character");
        }
        let (from, splat) = parse_from(from)?;
        Ok(Self { from, splat, to: to.into(), status })
    }

    fn apply(&self, path: &[&str], query: Option<&str>) -> Option<Action> {
        let is_long_enough = if self.splat { path.len() > self.from.len() } else { path.len() == self.from.len() };
        if !is_long_enough {
            return None;
        }
        let mut values = Vec::new();
        for (segment, given) in self.from.iter().zip(path) {
            match segment {
                Segment::Literal(literal) if percent_decode_str(given).eq(literal.bytes()) => {}
                Segment::Literal(_) => return None,
                Segment::Placeholder(_) if given.is_empty() => return None,
                Segment::Placeholder(name) => values.push((name.as_str(), Cow::Borrowed(*given))),
            }
        }
        if self.splat {
            values.push(("splat", path[self.from.len()..].join("/").into()));
        }
        let mut to = fill(&self.to, &values)?;
        if to.starts_with('/') {
            // Two slashes would lead to another host, and a browser reads a backslash as a slash.
            to = format!("/{}", to.trim_start_matches(['/', '\\']));
        }
        Some(if self.status.is_redirection() {
            Action::Redirect { location: with_query(&to, query), status: self.status }
        } else {
            let path = to.split(['?', '#']).next().unwrap_or_default().into();
            Action::Rewrite { path, status: self.status }
        })
    }
}

fn parse_from(from: &str) -> Result<(Vec<Segment>, bool), &'static str> {
    let path = from.strip_prefix('/').ok_or("the first field does not begin with a slash")?;
    let (path, splat) = match path.strip_suffix('*') {
        Some("") => (None, true),
        Some(path) => (Some(path.strip_suffix('/').ok_or("an asterisk stands only behind the last slash")?), true),
        None => (Some(path), false),
    };
    let mut names = HashSet::new();
    let mut segments = Vec::new();
    for segment in path.into_iter().flat_map(|path| path.split('/')) {
        if segment.contains('*') {
            return Err("an asterisk stands only behind the last slash");
        }
        segments.push(match segment.strip_prefix(':') {
            Some(name) if name.is_empty() || name.contains(|char| !is_of_name(char)) => {
                return Err("a placeholder's name is of letters, digits and underscores");
            }
            Some(name) if !names.insert(name) => return Err("a placeholder is named twice"),
            Some("splat") if splat => return Err("a placeholder is named twice"),
            Some(name) => Segment::Placeholder(name.into()),
            None => Segment::Literal(percent_decode_str(segment).decode_utf8_lossy().into_owned()),
        });
    }
    Ok((segments, splat))
}

fn is_of_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

/// Puts values into the places of their names; a name that has none stays as it is. `None` when that gets too long.
fn fill(to: &str, values: &[(&str, Cow<'_, str>)]) -> Option<String> {
    let mut filled = String::with_capacity(to.len());
    let mut rest = to;
    while let Some(colon) = rest.find(':') {
        let (before, after) = rest.split_at(colon);
        filled.push_str(before);
        let end = after[1..].find(|char| !is_of_name(char)).map_or(after.len(), |end| end + 1);
        match values.iter().find(|(name, _)| *name == &after[1..end]) {
            Some((_, value)) => filled.push_str(value),
            None => filled.push_str(&after[..end]),
        }
        rest = &after[end..];
        if filled.len() + rest.len() > MAX_ADDRESS_BYTES {
            return None;
        }
    }
    filled.push_str(rest);
    Some(filled)
}

/// Adds the request's query; where both have a name, the request's value counts.
fn with_query(to: &str, query: Option<&str>) -> String {
    let Some(query) = query.filter(|query| !query.is_empty()) else { return to.into() };
    let (to, fragment) = to.split_at(to.find('#').unwrap_or(to.len()));
    let (path, own) = to.split_once('?').unwrap_or((to, ""));
    let name = |pair: &str| percent_decode_str(pair.split('=').next().unwrap_or_default()).collect::<Vec<u8>>();
    let given: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    let names: HashSet<_> = given.iter().map(|pair| name(pair)).collect();
    let own = own.split('&').filter(|pair| !pair.is_empty() && !names.contains(&name(pair)));
    let mut pairs: Vec<&str> = own.chain(given.iter().copied()).collect();
    pairs.sort_by_key(|pair| name(pair));
    format!("{path}?{}{fragment}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(location: &str, status: u16) -> Option<Action> {
        Some(Action::Redirect { location: location.into(), status: StatusCode::from_u16(status).unwrap() })
    }

    fn rewrite(path: &str, status: u16) -> Option<Action> {
        Some(Action::Rewrite { path: path.into(), status: StatusCode::from_u16(status).unwrap() })
    }

    const EXAMPLES: &str = "\
# the specification's examples
/redirect-one /one.html
/302-redirect-two\t/two.html   302
/posts/:year/:month/:day/:title /articles/:year/:month/:day/:title 301\r
  /splat/* /redirected-splat/:splat 301

/not-found/* /404.html 404
/twice/:a /:a/:a.html 308
/out/* https://example.net/:splat 303
/q/* /t?a=1&b=2#part
/* /index.html 200";

    #[test]
    fn the_first_rule_that_matches_counts() {
        let rules = Redirects::parse(EXAMPLES).unwrap();
        for (path, action) in [
            ("/redirect-one", redirect("/one.html", 301)),
            ("/302-redirect-two", redirect("/two.html", 302)),
            ("/posts/2022/06/15/hi%20you", redirect("/articles/2022/06/15/hi%20you", 301)),
            ("/posts/2022/06/15", rewrite("/index.html", 200)),
            ("/splat/a/b", redirect("/redirected-splat/a/b", 301)),
            ("/splat/", redirect("/redirected-splat/", 301)),
            ("/splat", rewrite("/index.html", 200)),
            ("/not-found/x", rewrite("/404.html", 404)),
            ("/twice/x", redirect("/x/x.html", 308)),
            ("/out/a/b", redirect("https://example.net/a/b", 303)),
            ("/", rewrite("/index.html", 200)),
        ] {
            assert_eq!(rules.action(path, None), action, "{path}");
        }
        assert_eq!(Redirects::parse("/a /b").unwrap().action("/c", None), None);
        assert_eq!(Redirects::parse("/%C3%A9 /b").unwrap().action("/%c3%a9", None), redirect("/b", 301));
    }

    #[test]
    fn a_mark_before_the_first_rule_is_none_of_it() {
        assert_eq!(Redirects::parse("\u{feff}/a /b\r\n").unwrap().action("/a", None), redirect("/b", 301));
    }

    #[test]
    fn an_address_longer_than_any_is_not_made() {
        let rules = Redirects::parse(&format!("/:a /{}\n/* /end", ":a".repeat(10_000))).unwrap();
        assert_eq!(rules.action(&format!("/{}", "x".repeat(50_000)), None), redirect("/end", 301));
        assert_eq!(rules.action("/xx", None), redirect(&format!("/{}", "x".repeat(20_000)), 301));
    }

    #[test]
    fn the_visitor_s_query_is_kept_and_is_stronger() {
        let rules = Redirects::parse(EXAMPLES).unwrap();
        assert_eq!(rules.action("/q/x", Some("b=3&c=%20")), redirect("/t?a=1&b=3&c=%20#part", 301));
        assert_eq!(rules.action("/redirect-one", Some("x")), redirect("/one.html?x", 301));
        assert_eq!(rules.action("/q/x", Some("")), redirect("/t?a=1&b=2#part", 301));
    }

    #[test]
    fn a_path_cannot_lead_to_another_host() {
        let rules = Redirects::parse("/* /:splat").unwrap();
        for path in ["///evil.example/x", "/%2f/evil.example", "//\\evil.example"] {
            let Some(Action::Redirect { location, .. }) = rules.action(path, None) else { panic!("{path}") };
            assert!(location.starts_with('/') && !location.starts_with("//") && !location.starts_with("/\\"));
        }
    }

    #[test]
    fn what_is_no_rule_is_an_error_with_its_line() {
        for line in [
            "/a",
            "/a /b 301!",
            "/a /b 500",
            "/a /b 301 c",
            "a /b",
            "/a b",
            "/a ftp://b",
            "/a https://b 200",
            "/a* /b",
            "/*/a /b",
            "/:a/:a /b",
            "/:splat/* /b",
            "/: /b",
        ] {
            let error = Redirects::parse(&format!("# first\n{line}\n")).unwrap_err();
            assert!(matches!(error, RedirectsError::Line { line: 2, .. }), "{line}: {error}");
        }
        assert_eq!(Redirects::parse(&"#".repeat(65537)), Err(RedirectsError::TooLarge));
        assert_eq!(Redirects::parse(&"#".repeat(65536)), Ok(Redirects(Vec::new())));
    }
}
