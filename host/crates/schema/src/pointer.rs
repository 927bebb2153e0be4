//! Writing JSON pointers (RFC 6901).

/// A step of a JSON pointer, without the slash in front.
pub(crate) fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// Adds a step to a JSON pointer.
pub(crate) fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    pointer.push_str(&escaped(step));
}

/// A pointer as a URI fragment, with the `#` in front.
pub(crate) fn fragment(pointer: &str) -> String {
    let mut text = "#".to_owned();
    for byte in pointer.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push_str(&hex::encode_upper([byte]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_have_no_letters_that_uris_do_not_take() {
        assert_eq!(fragment(""), "#");
        assert_eq!(fragment("/$defs/a~1b c/ä%"), "#/$defs/a~1b%20c/%C3%A4%25");
    }

    #[test]
    fn slashes_and_tildes_are_escaped() {
        let mut pointer = "/a".to_owned();
        push_step(&mut pointer, "b/c~1");
        assert_eq!(pointer, "/a/b~1c~01");
    }
}
