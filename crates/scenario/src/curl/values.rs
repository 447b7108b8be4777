//! Reads the values of the options of a cURL command.

use super::{
    CurlError,
    options::{FormPart, refused},
};
use std::net::IpAddr;

pub(super) fn not_from_file<'a>(name: &str, value: &'a str) -> Result<&'a str, CurlError> {
    if value.starts_with('@') {
        return Err(refused(
            name,
            "give the data itself instead of the name of a file",
        ));
    }
    Ok(value)
}

/// `content`, `=content` or `name=content`: the content is encoded.
pub(super) fn urlencoded(option: &str, value: &str) -> Result<String, CurlError> {
    let encode = crate::url::encode_component;
    match value.split_once('=') {
        Some(("", content)) => Ok(encode(content)),
        Some((name, content)) => Ok(format!("{name}={}", encode(content))),
        None if value.contains('@') => Err(refused(
            option,
            "give the data itself instead of the name of a file",
        )),
        None => Ok(encode(value)),
    }
}

/// The name of a file whose content is sent.
pub(super) fn file_name(option: &str, name: &str) -> Result<String, CurlError> {
    match name {
        "" | "-" | "." => Err(refused(option, "the name of a file is wanted")),
        name => Ok(name.to_owned()),
    }
}

pub(super) fn form_field<'a>(option: &str, value: &'a str) -> Result<(String, &'a str), CurlError> {
    let wrong = || CurlError::BadValue {
        name: option.to_owned(),
        message: "a part is NAME=CONTENT, or NAME=@FILE".to_owned(),
    };
    let (name, content) = value.split_once('=').ok_or_else(wrong)?;
    if name.trim().is_empty() || name.contains(char::is_control) {
        return Err(wrong());
    }
    Ok((name.to_owned(), content))
}

/// `NAME=CONTENT` or `NAME=@FILE`, each perhaps with `;type=…` and `;filename=…`.
pub(super) fn form_part(option: &str, value: &str) -> Result<FormPart, CurlError> {
    let (name, content) = form_field(option, value)?;
    if content.starts_with('<') {
        return Err(refused(
            option,
            "give the text itself, or send the file with @",
        ));
    }
    let (is_file, content) = match content.strip_prefix('@') {
        Some(file) => (true, file),
        None => (false, content),
    };
    let mut pieces = content.split(';');
    let mut part = FormPart {
        name,
        content: pieces.next().unwrap_or_default().to_owned(),
        is_file,
        ..FormPart::default()
    };
    for piece in pieces {
        let trimmed = |text: &str| Some(text.trim_matches('"').to_owned());
        match piece.trim_start().split_once('=') {
            Some(("type", kind)) => part.content_type = trimmed(kind),
            Some(("filename", file)) => part.filename = trimmed(file),
            // What is no parameter belongs to the content, or to the type before it.
            _ => match &mut part.content_type {
                Some(kind) => kind.push_str(&format!(";{piece}")),
                None => part.content.push_str(&format!(";{piece}")),
            },
        }
    }
    if is_file {
        part.content = file_name(option, part.content.trim_matches('"'))?;
    }
    Ok(part)
}

/// -1 is without end, which no load test needs.
pub(super) fn redirects(name: &str, value: &str) -> Result<u32, CurlError> {
    let most: Option<i64> = value.parse().ok();
    let most = most.map(|most| if most < 0 { 100 } else { most });
    most.and_then(|most| u32::try_from(most).ok())
        .filter(|most| *most <= 100)
        .ok_or_else(|| CurlError::BadValue {
            name: name.to_owned(),
            message: "expected a number up to 100".to_owned(),
        })
}

pub(super) fn retries(name: &str, value: &str) -> Result<u32, CurlError> {
    let most: Option<u32> = value.parse().ok();
    most.map(|most| most.min(100))
        .ok_or_else(|| CurlError::BadValue {
            name: name.to_owned(),
            message: "expected a number".to_owned(),
        })
}

/// `HOST:PORT:ADDRESS,…`: the name with its port, and the addresses. None for what is no such list, as a name with `*`.
pub(super) fn resolved(value: &str) -> Option<(String, Vec<IpAddr>)> {
    let (host, rest) = value.trim_start_matches('+').split_once(':')?;
    let (port, addresses) = rest.split_once(':')?;
    let port: u16 = port.parse().ok()?;
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = !host.is_empty() && !host.starts_with('-') && host.chars().all(known);
    let addresses: Vec<Option<IpAddr>> = addresses
        .split(',')
        .map(|address| address.trim_matches(['[', ']']).parse().ok())
        .collect();
    let addresses: Vec<IpAddr> = addresses.into_iter().collect::<Option<_>>()?;
    (is_name && host.parse::<IpAddr>().is_err()).then(|| (format!("{host}:{port}"), addresses))
}

pub(super) fn seconds(name: &str, value: &str) -> Result<f64, CurlError> {
    let seconds: Option<f64> = value.parse().ok();
    seconds
        .filter(|seconds| *seconds > 0.0 && *seconds <= 86_400.0)
        .ok_or_else(|| CurlError::BadValue {
            name: name.to_owned(),
            message: "expected seconds, as 2.5".to_owned(),
        })
}
